package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func compress(file, ext string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(file + ext + ".part")
	if err != nil {
		return err
	}
	defer out.Close()
	var w io.WriteCloser
	if ext == ".gz" {
		w, err = gzip.NewWriterLevel(out, 6)
	} else {
		w, err = zstd.NewWriter(out)
	}
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, in); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.Rename(file+ext+".part", file+ext)
}

// peak runs a command on this process's standard input and writes the command's peak memory in MiB to file.
func peak(file string, command []string) error {
	c := exec.Command(command[0], command[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return err
	}
	ru := c.ProcessState.SysUsage().(*syscall.Rusage)
	return os.WriteFile(file, fmt.Appendf(nil, "%.1f\n", float64(ru.Maxrss)/1024), 0o644)
}
