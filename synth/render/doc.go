// Package render has what the dialects share: the interface that each meets, and Parse, a strict reader of YAML that
// reports everything it does not take over with its line. The dialects are the packages below it. It decides no
// connection and touches no file.
package render
