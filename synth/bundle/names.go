package bundle

// What bundle.json says first.
const (
	apiVersion   = "sluice/v1"
	manifestKind = "Bundle"
)

// The parts of a bundle.
const (
	openDir      = "open"
	allowDir     = "allow"
	denyDir      = "deny"
	stageDir     = "stage"
	enforceDir   = "enforce"
	ExtraDir     = "extra"       // people's own policies, which apply with the allow policies
	EvidenceDir  = "evidence"    // a store of its own
	ReviewFile   = "REVIEW.md"   // for people: what the policies mean
	ManifestFile = "bundle.json" // for programs
	ReportFile   = "REPORT.md"   // for people: what was seen, and how much; not committed
	ReportData   = "report.json" // the same for programs
	ignoreFile   = ".gitignore"
)

// formDirs are the directories of policies that only a bundle writes to.
var formDirs = []string{openDir, allowDir, denyDir, stageDir, enforceDir, GitOpsDir}

// GitOpsDir has for each tool a directory stage, in which all is applied and what opens stands, and enforce, without
// it.
const GitOpsDir = "gitops"

// DefaultName is what a bundle is called that was given no name.
const DefaultName = "sluice"
