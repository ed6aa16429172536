package cli

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// giveBackStart gives the pages of the program's file back to the system. What libraries do before main, and what finds
// the command, lies all over the file, and the kernel maps the 16 pages around each one that is touched, which was most
// of the memory of a short command. What is needed again is mapped again.
func giveBackStart() {
	for _, m := range programText() {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED)
	}
}

// mapping is a part of the memory of this process.
type mapping struct{ from, to uintptr }

// programText returns the parts of memory that are what lies in the program's file: read-only, and without a page that
// was ever written to, as a loader, a debugger or a probe of the kernel does.
func programText() (out []mapping) {
	name, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil
	}
	defer f.Close()
	var m mapping
	ours := false
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		key, value, _ := strings.Cut(line, " ")
		switch from, to, isRange := strings.Cut(key, "-"); {
		case key == "Anonymous:":
			if ours && strings.TrimSpace(value) == "0 kB" {
				out = append(out, m)
			}
		case !isRange || strings.HasSuffix(key, ":"):
		default:
			ours = strings.HasPrefix(value, "r") && value[1] == '-' && strings.HasSuffix(line, " "+name)
			m = mapping{address(from), address(to)}
			ours = ours && m.from < m.to
		}
	}
	return out
}

// address reads a hexadecimal number, 0 for what is none.
func address(text string) uintptr {
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		return 0
	}
	return uintptr(n)
}
