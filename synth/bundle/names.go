package bundle

// What bundle.json says first.
const (
	apiVersion   = "sluice/v1"
	manifestKind = "Bundle"
)

// The parts of a bundle.
const (
	openDir        = "open"
	allowDir       = "allow"
	denyDir        = "deny"
	stageDir       = "stage"
	enforceDir     = "enforce"
	ExtraDir       = "extra"       // people's own policies, which apply with the allow policies
	EvidenceDir    = "evidence"    // a store of its own
	ReviewFile     = "REVIEW.md"   // for people: what the policies mean
	ManifestFile   = "bundle.json" // for programs
	ReportFile     = "REPORT.md"   // for people: what was seen, and how much; not committed
	ReportData     = "report.json" // the same for programs
	ignoreFile     = ".gitignore"
	attributesFile = ".gitattributes"
)

// formDirs are the directories of policies that only a bundle writes to.
var formDirs = []string{openDir, allowDir, denyDir, stageDir, enforceDir, GitOpsDir}

// GitOpsDir has for each tool a directory stage, in which all is applied and what opens stands, and enforce, without
// it.
const GitOpsDir = "gitops"

// DefaultName is what a bundle is called that was given no name.
const DefaultName = "sluice"

// A bundle owns the files that its bundle.json lists, bundle.json itself and the evidence that evidence/FILES lists.
// Everything else in its directory belongs to people and stays as it is.
//
// What the next bundle has otherwise than the former one, and the lists over that, is written to newDir, inside the
// directory. Once it is complete and synced newDir is renamed to readyDir: from then on it replaces the former one,
// file by file. What was stopped meanwhile, by a kill or by a loss of power, the next run finishes.
const (
	newDir       = ".sluice-new"
	readyDir     = ".sluice-ready"
	staleFile    = "STALE" // in readyDir: the files of the former bundle that the next one does not have, a line each
	evidenceList = EvidenceDir + "/FILES"
)
