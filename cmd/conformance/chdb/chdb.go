// Package chdb runs the current ClickHouse in this process, by the library of the npm package @chdb/lib-linux-x64-gnu.
// Its tests run it on the schema of a store and on the Parquet of stores in a directory and in S3: make conformance-chdb.
package chdb

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Library is the path of libchdb: LIBCHDB names it, "" where there is none.
func Library() string {
	file := os.Getenv("LIBCHDB")
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// Engine is a ClickHouse in this process, which has one at most at a time.
type Engine struct {
	handle  unsafe.Pointer
	conn    uintptr
	shut    func(handle unsafe.Pointer)
	query   func(conn uintptr, q *byte, qlen uintptr, format *byte, flen uintptr) uintptr
	buffer  func(result uintptr) unsafe.Pointer
	length  func(result uintptr) uintptr
	failure func(result uintptr) unsafe.Pointer
	destroy func(result uintptr)
}

// Start starts an engine with options as clickhouse-local has them. It fails where there is no library.
func Start(options ...string) (*Engine, error) {
	if Library() == "" {
		return nil, errors.New("LIBCHDB names no library")
	}
	lib, err := purego.Dlopen(Library(), purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	e := &Engine{}
	var connect func(argc int32, argv **byte) unsafe.Pointer
	for name, f := range map[string]any{"chdb_connect": &connect, "chdb_close_conn": &e.shut, "chdb_query_n": &e.query,
		"chdb_result_buffer": &e.buffer, "chdb_result_length": &e.length, "chdb_result_error": &e.failure, "chdb_destroy_query_result": &e.destroy} {
		purego.RegisterLibFunc(f, lib, name)
	}
	argv := []*byte{cString("clickhouse")}
	for _, o := range options {
		argv = append(argv, cString(o))
	}
	argv = append(argv, nil)
	conn := connect(int32(len(argv)-1), &argv[0])
	if conn == nil {
		return nil, errors.New("ClickHouse does not start")
	}
	e.handle, e.conn = conn, *(*uintptr)(conn)
	return e, nil
}

// Close ends the engine.
func (e *Engine) Close() { e.shut(e.handle) }

func cString(s string) *byte { return &append([]byte(s), 0)[0] }

// Ask runs a statement and returns its answer, a line for each row, fields between tabs as they are (TSVRaw).
func (e *Engine) Ask(query string) ([]byte, error) {
	const format = "TSVRaw"
	r := e.query(e.conn, cString(query), uintptr(len(query)), cString(format), uintptr(len(format)))
	defer e.destroy(r)
	if p := e.failure(r); p != nil {
		message, _, _ := bytes.Cut(unsafe.Slice((*byte)(p), 1<<12), []byte{0})
		return nil, fmt.Errorf("ClickHouse: %s", message)
	}
	n := e.length(r)
	if n == 0 {
		return nil, nil
	}
	return bytes.Clone(unsafe.Slice((*byte)(e.buffer(r)), n)), nil
}
