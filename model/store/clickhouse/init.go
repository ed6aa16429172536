package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/model/store"
)

// Script returns the statements that make the schema of the store at a URL.
func Script(at string, l Layout) ([]string, error) {
	a, err := parseAddress(at)
	if err == nil {
		err = l.check()
	}
	if err != nil {
		return nil, err
	}
	return statements(a.database, l, 0, steps), nil
}

func (l Layout) check() error {
	if l.Cluster != "" && !isIdentifier(l.Cluster) {
		return fmt.Errorf("a cluster of servers called %q: give a name of letters, digits and _", l.Cluster)
	}
	return nil
}

// restartTries is how often a statement is tried again, after 1, 2, 3 and more seconds: a server may be started again
// in the meantime.
const restartTries = 5

// Init makes the schema of the store at a URL, or brings an older one up to date. It returns the version that was
// there, 0 where there was none. What is there already keeps its layout.
func Init(ctx context.Context, at string, l Layout) (was int, err error) {
	d, err := connect(at)
	if err == nil {
		err = errors.Join(d.known(), l.check())
	}
	if err != nil {
		return 0, err
	}
	defer d.conn.Close()
	was, have, err := d.version(ctx, time.Second)
	switch {
	case errors.Is(err, store.ErrNoStore):
	case err != nil:
		return 0, err
	case was > Version:
		return was, d.newer(was)
	case was > 0 && have != l && l != Layout{}:
		return was, fmt.Errorf("%s has a schema %s: it cannot be made one %s", d.text, have, l)
	case was > 0:
		l = have
	}
	for _, line := range statements(d.database, l, was, steps) {
		err := d.conn.Exec(ctx, line)
		for n := 1; n <= restartTries && err != nil && broken(err) && pause(ctx, time.Duration(n)*time.Second) == nil; n++ {
			err = d.conn.Exec(ctx, line) // a statement may run twice
		}
		if err != nil {
			return was, fmt.Errorf("make the schema: %w", d.say(err))
		}
	}
	return was, nil
}

// String says it in words.
func (l Layout) String() string {
	s := "of one server"
	if l.Cluster != "" {
		s = "of the servers of " + l.Cluster
	}
	if l.Replicated {
		s += ", replicated"
	}
	return s
}

// version returns the version of the schema and how it lies; the error is store.ErrNoStore where there is none. A table
// without a row is one that is being made, or that a replica has and not yet what is in it: that is waited for.
func (d *database) version(ctx context.Context, wait time.Duration) (int, Layout, error) {
	var version uint32
	var rows uint64
	var l Layout
	var replicated uint8
	for began := time.Now(); ; {
		row := d.conn.QueryRow(ctx, "SELECT count(), max(version), max(cluster), max(replicated) FROM "+d.table("schema_version"))
		if err := row.Scan(&rows, &version, &l.Cluster, &replicated); err != nil {
			return 0, l, d.say(err)
		}
		if rows > 0 || time.Since(began) > wait {
			l.Replicated = replicated > 0
			return int(version), l, nil
		}
		if err := pause(ctx, wait/50); err != nil {
			return 0, l, err
		}
	}
}

// current checks that the schema is the one that this program knows.
func (d *database) current(ctx context.Context) (Layout, error) {
	version, l, err := d.version(ctx, patience)
	switch {
	case err != nil:
		return l, err
	case version > Version:
		return l, d.newer(version)
	case version < Version:
		return l, fmt.Errorf("%s has a schema of version %d, this sluice needs %d: sluice store init %s", d.text, version,
			Version, d.text)
	}
	return l, nil
}

func (d *database) newer(version int) error {
	return fmt.Errorf("%s has a schema of version %d, this sluice knows %d: use a newer sluice", d.text, version, Version)
}
