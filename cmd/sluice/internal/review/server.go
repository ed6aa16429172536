package review

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/cmd/sluice/internal/run"
	"sluice/synth/decision"
)

// largest is how many bytes of decisions a browser may send.
const largest = 8 << 20

// Server serves the page of one bundle to whoever knows its address, on loopback.
type Server struct {
	in       Input
	token    string
	host     string // "127.0.0.1:41234"
	listener net.Listener
	trying   *run.Deciding // nil: the bundle has no evidence
	made     *Page         // as the bundle was when the server began

	mu    sync.Mutex
	saved sent
	text  []byte // the page as it is now; nil: it has to be written anew
	csp   string
}

// Listen prepares the page and listens on loopback, on a free port for 0. The address has a token that nobody can
// guess.
func Listen(ctx context.Context, in Input, port int) (*Server, error) {
	s := &Server{in: in, token: rand.Text()}
	var err error
	if in.Log != nil {
		standing, err := in.Config.Decisions()
		if err != nil {
			return nil, err
		}
		if s.trying, err = run.Decide(ctx, in.Log, in.Policies, standing); err != nil {
			return nil, err
		}
	}
	if s.made, err = gather(ctx, &in); err != nil {
		return nil, err
	}
	if _, _, err = s.document(); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	if s.listener, err = lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
		return nil, fmt.Errorf("serve the page: %w", err)
	}
	s.host = s.listener.Addr().String()
	return s, nil
}

// URL is the address of the page.
func (s *Server) URL() string { return "http://" + s.host + "/" + s.token + "/" }

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	const patience = 10 * time.Second
	srv := &http.Server{Handler: s, ReadHeaderTimeout: patience, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if srv.Shutdown(last) != nil {
			_ = srv.Close() // whoever still asks has had a second
		}
	})
	defer stop()
	if err := srv.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the page: %w", err)
	}
	return nil
}

// refusal is an answer with a status and a sentence.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// ServeHTTP answers the one browser that knows the token, from the page itself.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if err := s.serve(w, r); err != nil {
		status := http.StatusInternalServerError
		if refused := (*refusal)(nil); errors.As(err, &refused) {
			status = refused.status
		}
		answer(w, status, map[string]string{"error": err.Error()})
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	what, err := s.asked(r)
	if err != nil {
		return err
	}
	routes := map[string]struct {
		method string
		do     func(http.ResponseWriter, *http.Request) error
	}{
		"":       {http.MethodGet, s.page},
		"data":   {http.MethodGet, s.data},
		"files":  {http.MethodGet, s.files},
		"effect": {http.MethodPost, s.effect},
		"save":   {http.MethodPost, s.save},
	}
	route, ok := routes[what]
	switch {
	case !ok:
		return &refusal{http.StatusNotFound, "there is nothing here"}
	case r.Method != route.method:
		w.Header().Set("Allow", route.method)
		return &refusal{http.StatusMethodNotAllowed, "use " + route.method}
	}
	return route.do(w, r)
}

// asked returns what is asked for, or why it is not answered: a name that some other address was given, another page,
// or who does not know the token.
func (s *Server) asked(r *http.Request) (string, error) {
	_, port, _ := net.SplitHostPort(s.host)
	if r.Host != s.host && r.Host != "localhost:"+port {
		return "", &refusal{http.StatusForbidden, "this is not the name of this page"}
	}
	if o := r.Header.Get("Origin"); o != "" && o != "http://"+r.Host {
		return "", &refusal{http.StatusForbidden, "another page asks"}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return "", &refusal{http.StatusForbidden, "another page asks"}
	}
	token, what, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1 {
		return "", &refusal{http.StatusNotFound, "there is nothing here"}
	}
	return what, nil
}

func answer(w http.ResponseWriter, status int, object any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // a browser that went away needs no answer
}

// now is the page with what was saved since. The caller has the lock.
func (s *Server) now() *Page {
	p := *s.made
	p.Saved, p.Removed = append([]Decision{}, s.saved.Decisions...), append([]int{}, s.saved.Removed...)
	return &p
}

// document is the text of the page.
func (s *Server) document() (text []byte, csp string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text == nil {
		s.text, s.csp, err = s.now().document(true)
	}
	return s.text, s.csp, err
}

func (s *Server) page(w http.ResponseWriter, _ *http.Request) error {
	text, csp, err := s.document()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", csp)
	_, _ = w.Write(text) // a browser that went away needs no answer
	return nil
}

func (s *Server) data(w http.ResponseWriter, _ *http.Request) error {
	s.mu.Lock()
	p := s.now()
	s.mu.Unlock()
	answer(w, http.StatusOK, p)
	return nil
}

// files are the texts of the policies.
func (s *Server) files(w http.ResponseWriter, _ *http.Request) error {
	answer(w, http.StatusOK, s.made.files)
	return nil
}

// Effect is what decisions would change, as the page has it.
type Effect struct {
	Named    []int     `json:"named"`
	Freed    int       `json:"freed"` // edges that are no longer decided by what is taken out
	Lost     []Touched `json:"lost"`
	Beside   []Touched `json:"beside"`
	Opened   []Touched `json:"opened"`
	Stays    []Touched `json:"stays"`
	Gone     []string  `json:"gone"`
	Narrowed []string  `json:"narrowed"`
	Notes    []string  `json:"notes"`
}

// Touched is an edge that decisions change.
type Touched struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Port        string `json:"port"`
	Connections int    `json:"connections"`
	Records     uint64 `json:"records"`
	Why         string `json:"why,omitempty"`
}

func (s *Server) effect(w http.ResponseWriter, r *http.Request) error {
	list, err := sentBy(w, r)
	if err != nil {
		return err
	}
	if s.trying == nil {
		return &refusal{http.StatusConflict, "the bundle has no evidence: what would be lost is not known"}
	}
	decided, err := s.decisionsOf(list)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.trying.Try(r.Context(), decided, list.Removed)
	if err != nil {
		return err
	}
	touched := func(list []run.Touched) []Touched {
		out := []Touched{}
		for _, x := range list {
			out = append(out, Touched(x))
		}
		return out
	}
	answer(w, http.StatusOK, Effect{e.Named, e.Freed, touched(e.Lost), touched(e.Beside), touched(e.Opened),
		touched(e.Stays), append([]string{}, e.Gone...), append([]string{}, e.Narrowed...), append([]string{}, e.Notes...)})
	return nil
}

func (s *Server) save(w http.ResponseWriter, r *http.Request) error {
	list, err := sentBy(w, r)
	if err != nil {
		return err
	}
	decided, err := s.decisionsOf(list)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch err := s.in.Config.Save(decided, list.Removed); {
	case errors.Is(err, run.ErrConfigChanged):
		return &refusal{http.StatusConflict, err.Error() + ": start sluice review again"}
	case err != nil:
		return err
	}
	s.saved, s.text = *list, nil
	answer(w, http.StatusOK, map[string]any{"file": s.in.Config.Path, "saved": list.Decisions, "removed": list.Removed})
	return nil
}

// sent is what a page sends.
type sent struct {
	Decisions []Decision `json:"decisions"`
	Removed   []int      `json:"removed"` // of those that the configuration began with
}

// sentBy reads the decisions that a page sends.
func sentBy(w http.ResponseWriter, r *http.Request) (*sent, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return nil, &refusal{http.StatusUnsupportedMediaType, "send application/json"}
	}
	if r.Header.Get("Origin") == "" {
		return nil, &refusal{http.StatusForbidden, "no page asks"}
	}
	var body sent
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, largest))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return nil, &refusal{http.StatusBadRequest, "read decisions: " + err.Error()}
	}
	body.Decisions, body.Removed = append([]Decision{}, body.Decisions...), append([]int{}, body.Removed...)
	return &body, nil
}

// decisionsOf checks decisions as the configuration is checked, and that those taken out of it are in it.
func (s *Server) decisionsOf(list *sent) ([]decision.Decision, error) {
	for _, i := range list.Removed {
		if i < 0 || i >= len(s.made.Decisions) {
			return nil, &refusal{http.StatusBadRequest, fmt.Sprintf("the configuration has no decision %d", i+1)}
		}
	}
	out := make([]decision.Decision, 0, len(list.Decisions))
	for i := range list.Decisions {
		d, err := list.Decisions[i].decided()
		if err != nil {
			return nil, &refusal{http.StatusBadRequest, fmt.Sprintf("decision %d: %v", i+1, err)}
		}
		out = append(out, d)
	}
	if _, err := decision.New(out); err != nil {
		return nil, &refusal{http.StatusBadRequest, err.Error()}
	}
	return out, nil
}
