package run

// Build is which program this is.
type Build struct {
	Version      string
	Commit, Time string // "": not known
	Modified     bool   // something was not committed
	Go, Platform string
}

// String is the build in one line: of the module, with which Go, for what.
func (b Build) String() string { return b.Version + " " + b.Go + " " + b.Platform }
