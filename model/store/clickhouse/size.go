package clickhouse

import (
	"context"
	"errors"
	"fmt"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"sluice/model/store"
)

// measure asks the servers what the days of the store take there, in one replica of each shard. Rows that nothing
// counts yet, or any more, are in it until the servers have merged.
func (s *Store) measure(ctx context.Context) error {
	from := "system.parts"
	if s.layout.Cluster != "" {
		from = fmt.Sprintf("cluster('%s', system, parts)", s.layout.Cluster)
	}
	local := func(table string) string { return localTable(s.db.database, s.layout, table)[len(s.db.database)+1:] }
	result, err := s.db.conn.Query(ctx, fmt.Sprintf("SELECT partition, sum(bytes_on_disk) FROM %s WHERE active AND "+
		"database = '%s' AND table IN ('%s', '%s') GROUP BY partition", from, s.db.database, local("flows"), local("flows_by_hour")))
	if err != nil {
		return s.db.say(err)
	}
	defer result.Close()
	days := map[string]int64{}
	for result.Next() {
		var day string
		var bytes uint64
		if err := result.Scan(&day, &bytes); err != nil {
			return s.db.say(err)
		}
		days[day] = int64(bytes)
	}
	if err := result.Err(); err != nil {
		return s.db.say(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes = days
	return nil
}

// bytesOf is what a day takes, 0 where nobody knows.
func (s *Store) bytesOf(day string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes[day]
}

// apportion gives the segments of each day their shares of its size, by their rows: all clusters of a day lie in the
// same parts. The shares of a day add up to its size.
func (s *Store) apportion(segments []store.Segment) {
	rows := map[string]int64{}
	for i := range segments {
		rows[segments[i].Day] += segments[i].Rows
	}
	left := map[string]int64{}
	for day := range rows {
		left[day] = s.bytesOf(day)
	}
	for i := range segments {
		g := &segments[i]
		g.Bytes = int64(float64(left[g.Day]) * float64(g.Rows) / float64(rows[g.Day]))
		left[g.Day], rows[g.Day] = left[g.Day]-g.Bytes, rows[g.Day]-g.Rows
	}
}

// isException reports whether a server refused, and the connection is sound.
func isException(err error) bool {
	var e *ch.Exception
	return errors.As(err, &e)
}
