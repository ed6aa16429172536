package clickhouse

import (
	"context"
	"errors"

	"sluice/model"
	"sluice/model/store"
)

// Check reads all that the store at a URL holds: every row that a commit counts, and the endpoints that it refers to.
// What is missing or damaged is in Problems.
func Check(ctx context.Context, at string) (*store.Checked, error) {
	s, err := Open(ctx, at)
	c := &store.Checked{}
	switch {
	case errors.Is(err, store.ErrDamaged):
		c.Problems = append(c.Problems, err)
		return c, nil
	case err != nil:
		return nil, err
	}
	all := s.Part("")
	c.Commits, c.Segments, c.Sources = len(s.live()), len(all.Segments), len(all.Sources)
	for i := range all.Segments {
		c.Bytes += all.Segments[i].Bytes
	}
	sc := s.scan(store.ScanOptions{}, func(_ model.Tables, rows []model.Observation) error {
		for i := range rows {
			c.Records += int64(rows[i].Records)
		}
		return nil
	})
	for parts := range sc.days(0) { // each day by itself: what is wrong with one hides no other
		for len(parts) > 0 {
			rows, err := sc.counted(ctx, parts)
			if err == nil {
				for i := range parts {
					c.Rows += rows.slots[parts[i].slot()].sum
				}
				if err = sc.hand(ctx, rows, parts); err == nil {
					err = sc.release(ctx)
				}
			}
			var lack *lackError
			switch {
			case err == nil:
			case errors.As(err, &lack): // and on with the others
				c.Problems = append(c.Problems, err)
				parts = lack.others(parts)
				continue
			case errors.Is(err, store.ErrDamaged):
				c.Problems = append(c.Problems, err)
			default:
				return nil, err
			}
			break
		}
	}
	return c, nil
}

// lackError says that rows of an hour are missing.
type lackError struct {
	error
	slots map[slot]bool // all that lack some
}

// Unwrap returns the error itself.
func (l *lackError) Unwrap() error { return l.error }

// others are the parts that lack nothing.
func (l *lackError) others(parts []part) (out []part) {
	for i := range parts {
		if !l.slots[parts[i].slot()] {
			out = append(out, parts[i])
		}
	}
	return out
}
