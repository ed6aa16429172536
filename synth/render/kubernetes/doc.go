// Package kubernetes is the dialect networking.k8s.io/v1 NetworkPolicy. Render writes policies and says what the
// dialect cannot say; Parse reads anybody's YAML and reports everything that it does not take over. It decides no
// connection and touches no file.
package kubernetes
