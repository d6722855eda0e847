// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package memory

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// cgroup reads the memory limits of the process's cgroup and of those above it,
// version 1, 2 or both side by side. It belongs to the holder of Guard.mu.
type cgroup struct {
	files  fs.FS
	seen   string  // /proc/self/cgroup as of the last look
	levels []level // what seen means
}

// level is one directory of a cgroup hierarchy.
type level struct {
	dir   string
	names *names
}

// names are the files of a version of cgroups.
type names struct{ limit, usage, inactive string }

var (
	v1 = &names{limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", inactive: "total_inactive_file"}
	v2 = &names{limit: "memory.max", usage: "memory.current", inactive: "inactive_file"}
)

// read returns the figures of the level that is used most, limit 0 meaning that
// there is no limit anywhere. A level that cannot be read is an error and does
// not count; the rest do.
func (c *cgroup) read() (used, limit uint64, err error) {
	// The process may be moved while it runs, the mounts stay.
	self, err := fs.ReadFile(c.files, "proc/self/cgroup")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil // a kernel without cgroups
	}
	if err != nil {
		return 0, 0, err
	}
	if string(self) != c.seen {
		mounts, err := fs.ReadFile(c.files, "proc/self/mountinfo")
		if err != nil {
			return 0, 0, err
		}
		c.levels, c.seen = levels(string(self), string(mounts)), string(self)
	}
	var problems []error
	for _, l := range c.levels {
		u, max, err := l.read(c.files)
		if err != nil {
			problems = append(problems, err)
		} else if max > 0 && (limit == 0 || percent(u, max) > percent(used, limit)) {
			used, limit = u, max
		}
	}
	return used, limit, errors.Join(problems...)
}

// levels returns the directories that bear on a process with the given
// /proc/self/cgroup and /proc/self/mountinfo, innermost first.
func levels(self, mountinfo string) []level {
	var all []level
	mounts := strings.Split(mountinfo, "\n")
	for line := range strings.Lines(self) {
		// ID:controllers:path, where version 2 has ID 0 and no controllers.
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) < 3 {
			continue
		}
		var n *names
		switch {
		case f[0] == "0" && f[1] == "":
			n = v2
		case contains(f[1], "memory"):
			n = v1
		default:
			continue
		}
		top, dir := locate(n, f[2], mounts)
		if top == "" {
			continue
		}
		for ; ; dir = path.Dir(dir) {
			all = append(all, level{dir, n})
			if dir == top {
				break
			}
		}
	}
	return all
}

// locate returns where the hierarchy is mounted, and below it the directory of the
// cgroup called group, both relative to the root of the file system. In a container
// the mount may show only a part of the hierarchy, whose root mountinfo names; when
// that part does not hold the group, the top of it is the closest that can be seen.
func locate(n *names, group string, mounts []string) (top, dir string) {
	for _, m := range mounts {
		// ID parent device root mountpoint options [optional…] - type source options
		head, tail, _ := strings.Cut(m, " - ")
		f, t := strings.Fields(head), strings.Fields(tail)
		if len(f) < 5 || len(t) < 3 {
			continue
		}
		if !(n == v2 && t[0] == "cgroup2" || n == v1 && t[0] == "cgroup" && contains(t[2], "memory")) {
			continue
		}
		root, at := unescape(f[3]), strings.TrimPrefix(path.Clean(unescape(f[4])), "/")
		rest, inside := strings.CutPrefix(group, strings.TrimSuffix(root, "/"))
		if inside && (rest == "" || rest[0] == '/') && !strings.Contains(rest, "..") {
			return at, path.Join(at, rest)
		}
		if top == "" {
			top, dir = at, at
		}
	}
	return top, dir
}

// read returns limit 0 when the level has none.
func (l level) read(files fs.FS) (used, limit uint64, err error) {
	// The top of a hierarchy has no such file, nor has one without the controller.
	limit, err = number(files, path.Join(l.dir, l.names.limit))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	// Version 1 says "none" with the largest number of pages that there is.
	if err != nil || limit >= 1<<60 {
		return 0, 0, err
	}
	usage, err := number(files, path.Join(l.dir, l.names.usage))
	if err != nil {
		return 0, 0, err
	}
	inactive, err := l.inactive(files)
	if err != nil {
		return 0, 0, err
	}
	return usage - min(inactive, usage), max(limit, 1), nil
}

// inactive returns the bytes of file cache that the kernel drops first, well before
// it kills anybody.
func (l level) inactive(files fs.FS) (uint64, error) {
	name := path.Join(l.dir, "memory.stat")
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, l.names.inactive+" "); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", name, err)
			}
			return n, nil
		}
	}
	return 0, nil
}

// number reads a file that holds a number or "max", which is no limit.
func number(files fs.FS, name string) (uint64, error) {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return 0, err
	}
	s := strings.TrimSpace(string(b))
	if s == "max" {
		return 1<<64 - 1, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return n, nil
}

// contains reports whether a list separated by commas holds word.
func contains(list, word string) bool {
	for s := range strings.SplitSeq(list, ",") {
		if s == word {
			return true
		}
	}
	return false
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
