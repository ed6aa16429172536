package clickhouse

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	plainScheme = "clickhouse://"
	tlsScheme   = "clickhouses://"
	// PasswordVariable names the variable of the environment that holds the password.
	PasswordVariable = "SLUICE_CLICKHOUSE_PASSWORD"
	// defaultBeat is how often the holder of a stream says that it is alive.
	defaultBeat = 10 * time.Second
)

// IsURL reports whether the place of a store is one in ClickHouse.
func IsURL(at string) bool {
	return strings.HasPrefix(at, plainScheme) || strings.HasPrefix(at, tlsScheme)
}

// address is where a database is, and who asks. Its password is in no URL: those end up in logs and lists of processes.
type address struct {
	text     string // for people: without parameters
	hosts    []string
	user     string
	password string
	database string
	secure   bool
	ca       string // the file of the authorities that certificates are checked against, "": those of the system
	beat     time.Duration
	grace    time.Duration // how long what --keep has ended can be read on; 0: as the collector says
	rest     url.Values    // parameters that are not the address's
}

var word = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// isIdentifier reports whether a text may be named in SQL without quotes.
func isIdentifier(text string) bool { return len(text) <= 128 && word.MatchString(text) }

// parseAddress reads clickhouse://[user@]host[:port][,host[:port]]/database[?parameters].
func parseAddress(at string) (*address, error) {
	a := &address{user: "default", password: os.Getenv(PasswordVariable), beat: defaultBeat,
		secure: strings.HasPrefix(at, tlsScheme)}
	scheme, rest, _ := strings.Cut(at, "://")
	place, query, _ := strings.Cut(rest, "?")
	a.text = scheme + "://" + place
	where, database, _ := strings.Cut(place, "/")
	if user, hosts, ok := strings.Cut(where, "@"); ok {
		if strings.Contains(user, ":") {
			a.text = scheme + "://" + hosts + "/" + database
			return nil, fmt.Errorf("%s: no password in a URL, which others can read: set %s", a.text, PasswordVariable)
		}
		a.user, where = user, hosts
	}
	port := "9000"
	if a.secure {
		port = "9440"
	}
	for host := range strings.SplitSeq(where, ",") {
		if _, _, err := net.SplitHostPort(host); err != nil && host != "" {
			host = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
		if strings.HasPrefix(host, ":") || host == "" {
			return nil, fmt.Errorf("%s names no host: %sHOST:%s/DATABASE", a.text, scheme+"://", port)
		}
		a.hosts = append(a.hosts, host)
	}
	if a.database = strings.TrimSuffix(database, "/"); !isIdentifier(a.database) {
		return nil, fmt.Errorf("%s names no database: %s://HOST:%s/DATABASE, of letters, digits and _", a.text, scheme, port)
	}
	return a, a.parameters(query)
}

// parameters reads what stands behind the question mark.
func (a *address) parameters(query string) (err error) {
	if a.rest, err = url.ParseQuery(query); err != nil {
		return fmt.Errorf("%s: its parameters cannot be read: %w", a.text, err)
	}
	for _, name := range slices.Sorted(maps.Keys(a.rest)) {
		if len(a.rest[name]) > 1 {
			return fmt.Errorf("%s: %s is given twice", a.text, name)
		}
	}
	a.ca = a.rest.Get("ca")
	if beat := a.rest.Get("beat"); beat != "" {
		if a.beat, err = time.ParseDuration(beat); err != nil || a.beat < 100*time.Millisecond {
			return fmt.Errorf("%s: beat=%s is no duration of 100ms or more", a.text, beat)
		}
	}
	if grace := a.rest.Get("grace"); grace != "" {
		if a.grace, err = time.ParseDuration(grace); err != nil || a.grace <= 0 {
			return fmt.Errorf("%s: grace=%s is no duration", a.text, grace)
		}
	}
	a.rest.Del("grace")
	a.rest.Del("ca")
	a.rest.Del("beat")
	return nil
}

// known is the error for parameters that a store does not have.
func (a *address) known() error {
	for _, name := range slices.Sorted(maps.Keys(a.rest)) {
		return fmt.Errorf("%s has no parameter %s: there are ca=FILE, beat=DURATION and grace=DURATION", a.text, name)
	}
	return nil
}

// tls returns the configuration of a secure connection, nil of another.
func (a *address) tls() (*tls.Config, error) {
	if !a.secure {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.ca == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(a.ca)
	if err != nil {
		return nil, fmt.Errorf("%s: read its authorities: %w", a.text, err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: %s holds no certificate", a.text, a.ca)
	}
	return cfg, nil
}
