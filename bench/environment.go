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
// version, the commit, the number of processors and the file system that is written
// to, as configuration lines of the benchmark format. It names neither the host nor
// any path.
func Environment() string {
	return fmt.Sprintf("go: %s\ncommit: %s\nprocs: %d\nfs: %s\n", runtime.Version(),
		commit(),
		runtime.GOMAXPROCS(0),
		outputOf("findmnt", "-f", "-n", "-o", "FSTYPE", "-T", targetDir()))
}

// commit names the commit that is measured, and says "-dirty" where files differ from
// it. The published results may differ: whoever measures anew writes to them.
func commit() string {
	c := outputOf("git", "describe", "--always", "--exclude=*")
	if exec.Command("git", "diff", "--quiet", "HEAD", "--", ":(top)", ":(top,exclude)bench/results").Run() != nil && c != "unknown" {
		c += "-dirty"
	}
	return c
}

// outputOf returns what a command prints, or "unknown" where it fails.
func outputOf(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
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
