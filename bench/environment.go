// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Environment returns what a result must say about where it comes from: Go's
// version, the commit and the number of processors, as configuration lines of
// the benchmark format. It names neither the host nor any path.
func Environment() string {
	commit := "unknown"
	if out, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output(); err == nil {
		commit = strings.TrimSpace(string(out))
	}
	return fmt.Sprintf("go: %s\ncommit: %s\nprocs: %d\n", runtime.Version(), commit, runtime.GOMAXPROCS(0))
}

// Machine returns the configuration lines that go test writes by itself.
func Machine() string {
	cpu := "unknown"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(info), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			cpu = strings.Trim(line, " \t:")
		}
	}
	return fmt.Sprintf("goos: %s\ngoarch: %s\ncpu: %s\n", runtime.GOOS, runtime.GOARCH, cpu)
}
