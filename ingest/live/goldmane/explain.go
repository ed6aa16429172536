package goldmane

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sluice/ingest/live"
)

// errNoList is an answer of a web server that is no list of flows.
var errNoList = errors.New("not a list of flows")

// errLarge is an answer of a web server with something in it that is larger than any flow.
var errLarge = fmt.Errorf("%w: more than %d bytes without one", errNoList, maxItem)

// errEndless is an answer that goes on and on.
var errEndless = fmt.Errorf("%w: more than %d bytes of flows for a few seconds", errNoList, maxAnswer)

// causes turn what a failure says into what to do. The first whose text is part of the error counts.
var causes = []struct{ text, say string }{
	{
		"connection refused",
		"nothing listens there: is the address right, and is the server running or its port forwarded (kubectl port-forward -n calico-system svc/goldmane 7443, or svc/whisker 8081, 8443 since Calico 3.32)?",
	},
	{"no such host", "this name has no address: is it right, and is the DNS of the cluster used?"},
	{"first record does not look like a TLS handshake", "the server does not speak TLS: is the port right?"},
	{
		"server gave HTTP response to HTTPS client",
		"the server does not speak TLS: use whisker+http:// instead of whisker+https://",
	},
	{
		"certificate signed by unknown authority",
		"the server's certificate is of another authority: give the Tigera CA with --tls-ca-cert-files (the tls.crt of the secret goldmane-key-pair in calico-system)",
	},
	{
		"certificate is valid for",
		"the server's certificate is for another name: give that with --tls-server-name (goldmane, or goldmane.calico-system.svc)",
	},
	{
		"certificate is not valid for any names",
		"the server's certificate is for another name: give that with --tls-server-name (goldmane, or goldmane.calico-system.svc)",
	},
	{"certificate has expired", "a certificate has expired, or a clock is wrong"},
	{"expired certificate", "the client certificate has expired, or a clock is wrong"},
	{
		"certificate required",
		"Goldmane wants a client certificate: give --tls-client-cert-file and --tls-client-key-file",
	},
	{
		"bad certificate",
		"Goldmane does not take this client certificate: it must be signed by the Tigera CA (such as the secret node-certs in calico-system)",
	},
	{
		"unknown certificate authority",
		"Goldmane does not take this client certificate: it must be signed by the Tigera CA (such as the secret node-certs in calico-system)",
	},
	{"malformed HTTP", "what answers is no web server: is it goldmane:// instead of whisker+http://?"},
	{
		"server response headers exceeded",
		"what answers is no web server: is it goldmane:// instead of whisker+http://?",
	},
	{"malformed header", "a web server answers there, not Goldmane: is the port right, or is it whisker+https://?"},
	{
		"unexpected HTTP status code",
		"a web server answers there, not Goldmane: is the port right, or is it whisker+https://?",
	},
	{"no application protocol", "the server does not speak gRPC: is the port right, or is it whisker+https://?"},
	{
		"cannot check peer: missing selected ALPN property",
		"the server does not speak gRPC: is the port right, or is it whisker+https://?",
	},
	{
		"broken pipe",
		"the server hung up, as one does that wants another client certificate: look at --tls-client-cert-file",
	},
	{
		"connection reset by peer",
		"the server hung up, as one does that wants another client certificate: look at --tls-client-cert-file",
	},
}

// codeCauses do the same by gRPC's code.
var codeCauses = map[codes.Code]string{
	codes.Unimplemented:     "a gRPC server answers there, but not Goldmane: is the port right (7443)?",
	codes.DeadlineExceeded:  "no answer in time: is a firewall or network policy in between? Else give it longer with --timeout",
	codes.ResourceExhausted: "one bucket has more flows than an answer may: ask for some namespaces with -n",
}

// explain adds to an error what to do about it.
func (c *Config) explain(err error) error {
	if c.Way != nil && c.Way.Broken() != nil {
		return c.Way.Broken()
	}
	err = live.BriefError(err)
	text := err.Error()
	for _, c := range causes {
		if strings.Contains(text, c.text) {
			return fmt.Errorf("%s (%w)", c.say, err)
		}
	}
	var answer *statusError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &answer):
		return explainStatus(answer)
	case errors.As(err, &syntax), errors.Is(err, errNoList):
		return fmt.Errorf("what answers is not Whisker's backend: is the path right (%s)? (%w)", WhiskerPath, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the answer is empty or breaks off (%w)", err)
	case strings.Contains(text, "Client.Timeout"): // before the answer or in it
		return fmt.Errorf("%s (%w)", codeCauses[codes.DeadlineExceeded], err)
	}
	if say, ok := codeCauses[status.Code(err)]; ok {
		return fmt.Errorf("%s (%w)", say, err)
	}
	return err
}

func explainStatus(e *statusError) error {
	switch {
	case e.code == http.StatusNotFound:
		return fmt.Errorf("no flows at this path: Whisker has them at %s (%w)", WhiskerPath, e)
	case e.code == http.StatusUnauthorized || e.code == http.StatusForbidden || e.code/100 == 3:
		return fmt.Errorf(
			"the server wants somebody to log in first: forward the port of Whisker itself (kubectl port-forward -n calico-system svc/whisker 8081, 8443 since Calico 3.32) (%w)",
			e,
		)
	case e.code == http.StatusBadGateway || e.code == http.StatusServiceUnavailable ||
		e.code == http.StatusInternalServerError:
		return fmt.Errorf("the backend of Whisker cannot reach Goldmane (%w)", e)
	}
	return e
}
