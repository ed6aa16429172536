// Package clickhouse runs sluice on real ClickHouse servers, the oldest that Debian has: one, and two shards of two
// replicas each with ZooKeeper. make conformance-clickhouse runs it; SLUICE, FLOWGEN and RELAY name the programs.
package clickhouse

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// server is a ClickHouse on loopback.
type server struct {
	t          *testing.T
	dir        string
	port, http int
	config     string
	pid        atomic.Int64
	stop       func() // ends it and waits for that, nil: it does not run
}

// ports counts what freePort has given.
var ports atomic.Int64

// freePort returns a port that no other call returns, and that no connection has as its own end: those are of 32768 and
// more, and one could take a port before its server has.
func freePort(t *testing.T) int {
	t.Helper()
	for range 10_000 {
		port := 20_000 + int(int64(os.Getpid())*7+ports.Add(1))%12_000
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// newServer configures a server; more is what else stands in its configuration.
func newServer(t *testing.T, more string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), port: freePort(t), http: freePort(t)}
	users := `<yandex><profiles><default/><reader><readonly>2</readonly></reader><strict><readonly>1</readonly></strict></profiles>
<quotas><default/></quotas><users>` + user("default", "", "default") + user("owner", "secret", "default") +
		user("reader", "", "reader") + user("strict", "", "strict") + `</users></yandex>`
	s.write("users.xml", users)
	s.config = more
	s.configure()
	return s
}

func user(name, password, profile string) string {
	return fmt.Sprintf(`<%s><password>%s</password><networks><ip>127.0.0.1</ip></networks><profile>%s</profile>`+
		`<quota>default</quota></%[1]s>`, name, password, profile)
}

func (s *server) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// configure writes the configuration. Of tables with few parts a merge that is killed may be most of the rows: a replica
// that would rather wait for its administrator then, with half of them, restores them here.
func (s *server) configure() {
	s.write("config.xml", fmt.Sprintf(`<yandex><logger><level>warning</level><log>%[1]s/log</log><errorlog>%[1]s/errors</errorlog></logger>
<tcp_port>%[2]d</tcp_port><http_port>%[3]d</http_port><listen_host>127.0.0.1</listen_host><path>%[1]s/data/</path>
<tmp_path>%[1]s/tmp/</tmp_path><users_config>%[1]s/users.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database><mark_cache_size>67108864</mark_cache_size>
<merge_tree><replicated_max_ratio_of_wrong_parts>1</replicated_max_ratio_of_wrong_parts></merge_tree>%[4]s</yandex>`, s.dir, s.port, s.http, s.config))
}

// bounded ends with the test, and with the time that tests may take.
func bounded(t *testing.T) context.Context {
	end, ok := t.Deadline()
	if !ok {
		end = time.Now().Add(20 * time.Minute)
	}
	ctx, cancel := context.WithDeadline(context.Background(), end)
	t.Cleanup(cancel)
	return ctx
}

// start starts the server, with what it has stored, and returns once it answers.
func (s *server) start() {
	s.t.Helper()
	s.t.Cleanup(s.kill)
	if s.stop == nil {
		s.launch()
	}
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := s.query("SELECT 1"); err == nil {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("the server does not answer: %s", s.errors())
		}
	}
}

// launch keeps a server running, as systemd or Kubernetes does: one that ends by itself is started again, and what it
// said is printed. Of hundreds of clusters one had a server that ended while the schema was made.
func (s *server) launch() {
	s.t.Helper()
	if _, err := exec.LookPath("clickhouse-server"); err != nil {
		s.t.Fatalf("%v: apt-get install clickhouse-server clickhouse-client zookeeper", err)
	}
	ctx, cancel := context.WithCancel(bounded(s.t))
	ended := make(chan struct{})
	s.stop = func() { cancel(); <-ended }
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			cmd := exec.CommandContext(ctx, "clickhouse-server", "--config-file="+filepath.Join(s.dir, "config.xml"))
			err := cmd.Start()
			if err == nil {
				s.pid.Store(int64(cmd.Process.Pid))
				err = cmd.Wait()
			}
			if ctx.Err() == nil {
				fmt.Printf("a server ended and is started again: %v: %s\n", err, s.errors())
				time.Sleep(50 * time.Millisecond)
			}
		}
	}()
}

// errors is the end of what the server wrote of its errors.
func (s *server) errors() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "errors"))
	return string(text[max(0, len(text)-5000):])
}

// kill ends the server as a loss of power does.
func (s *server) kill() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

func wait(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing happened for a minute")
		}
	}
}

func (s *server) query(query string) (string, error) {
	out, err := exec.Command("clickhouse-client", "--port", fmt.Sprint(s.port), "--query", query).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (s *server) mustQuery(query string) string {
	s.t.Helper()
	out, err := s.query(query)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", query, err, out)
	}
	return out
}

func (s *server) url(database string) string {
	return fmt.Sprintf("clickhouse://127.0.0.1:%d/%s?beat=200ms", s.port, database)
}

// cluster starts two shards of two replicas each.
func cluster(t *testing.T) (shards [2][2]*server) {
	t.Helper()
	keeper := zookeeper(t)
	var all, firsts strings.Builder // all replicas, and the first of each shard alone
	for i := range shards {
		all.WriteString("<shard><internal_replication>true</internal_replication>")
		for j := range shards[i] {
			s := newServer(t, "")
			shards[i][j] = s
			fmt.Fprintf(&all, "<replica><host>127.0.0.1</host><port>%d</port></replica>", s.port)
		}
		all.WriteString("</shard>")
		fmt.Fprintf(&firsts, "<shard><replica><host>127.0.0.1</host><port>%d</port></replica></shard>", shards[i][0].port)
	}
	for i := range shards {
		for j, s := range shards[i] {
			s.config = fmt.Sprintf(`<remote_servers><prod>%s</prod><parts>%s</parts></remote_servers><zookeeper><node><host>127.0.0.1</host><port>%d</port>`+
				`</node></zookeeper><macros><shard>s%d</shard><replica>r%d</replica></macros><distributed_ddl><path>/ddl</path></distributed_ddl>`+
				`<interserver_http_port>%d</interserver_http_port><interserver_http_host>127.0.0.1</interserver_http_host>`,
				all.String(), firsts.String(), keeper, i, j, freePort(t))
			s.configure()
			s.start()
		}
	}
	return shards
}

// zookeeper starts one and returns its port.
func zookeeper(t *testing.T) int {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	text := fmt.Sprintf("tickTime=1000\ndataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n", dir, port)
	config := filepath.Join(dir, "zoo.cfg")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(bounded(t), "java", "-cp", "/etc/zookeeper/conf:/usr/share/java/zookeeper.jar:/usr/share/java/*",
		"-Xmx256m", "org.apache.zookeeper.server.quorum.QuorumPeerMain", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	wait(t, func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return port
}

// sluice runs a command and returns all that it prints.
func sluice(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), os.Getenv("SLUICE"), args...).CombinedOutput()
	return string(out), err
}

func mustSluice(t *testing.T, args ...string) string {
	t.Helper()
	out, err := sluice(t, args...)
	if err != nil {
		t.Fatalf("sluice %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}
