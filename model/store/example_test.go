package store_test

import (
	"context"
	"fmt"
	"os"

	"sluice/model"
	"sluice/model/store"
)

// A source is committed whole or not at all, and what was committed is read back in any order.
func ExampleStore_Scan() {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := keep(dir); err != nil {
		fmt.Println(err)
		return
	}
	st, err := store.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = st.Scan(context.Background(), store.ScanOptions{}, func(t model.Tables, rows []model.Observation) error {
		for _, o := range rows {
			src, dst := t.Endpoints.Get(o.Src), t.Endpoints.Get(o.Dst)
			fmt.Println(src.Labels, "->", dst.Labels, o.Port, o.Proto, o.Records, "records")
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// [app=web] -> [app=cart] 7070 tcp 3 records
	// <nil>
}

// keep writes one observation to a new store.
func keep(dir string) error {
	st, err := store.Create(dir)
	if err != nil {
		return err
	}
	w, err := st.Writer(store.WriterOptions{})
	if err != nil {
		return err
	}
	tables := model.NewTables()
	pod := func(app string) model.EndpointID {
		return tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "shop", Labels: model.Labels{"app=" + app}})
	}
	const at = 1_788_000_000 // seconds since 1970
	row := model.Observation{Window: at / 60, Src: pod("web"), Dst: pod("cart"), Port: 7070, Proto: model.TCP,
		Verdict: model.Forwarded, Fate: model.Used, Records: 3, First: at * 1e6, Last: at * 1e6}
	if err := w.Write(tables, []model.Observation{row}); err != nil {
		return err
	}
	return w.Commit([]store.Source{{Name: "flows.jsonl", Format: "hubble", Records: 3, First: at * 1e6, Last: at * 1e6}})
}
