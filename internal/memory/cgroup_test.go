// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package memory

import (
	"maps"
	"testing"
	"testing/fstest"
)

const (
	mountV2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate\n"
	mountV1 = "23 1 0:21 / /proc rw - proc proc rw\n" +
		"31 30 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
		"34 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
		"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	unlimitedV1 = "9223372036854771712\n"
)

// at2 and at1 are the files of one cgroup of version 2 and 1.
func at2(dir, limit, usage, stat string) map[string]string {
	return map[string]string{dir + "/memory.max": limit, dir + "/memory.current": usage, dir + "/memory.stat": stat}
}

func at1(dir, limit, usage, stat string) map[string]string {
	return map[string]string{dir + "/memory.limit_in_bytes": limit, dir + "/memory.usage_in_bytes": usage, dir + "/memory.stat": stat}
}

func join(parts ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

func proc(self, mounts string) map[string]string {
	return map[string]string{"proc/self/cgroup": self, "proc/self/mountinfo": mounts}
}

func TestCgroupLimits(t *testing.T) {
	const top2, top1 = "sys/fs/cgroup", "sys/fs/cgroup/memory"
	tests := []struct {
		name      string
		files     map[string]string
		wantUsed  uint64
		wantLimit uint64
		wantErr   bool
	}{
		{"no cgroups in the kernel", nil, 0, 0, false},
		{"version 2", join(proc("0::/a.slice/b\n", mountV2), at2(top2+"/a.slice/b", "1000\n", "600\n", "anon 1\ninactive_file 100\nactive_file 7\n")), 500, 1000, false},
		{"version 2, in a container", join(proc("0::/\n", mountV2), at2(top2, "1000\n", "600\n", "inactive_file 0\n")), 600, 1000, false},
		{"version 2, no limit", join(proc("0::/a\n", mountV2), at2(top2+"/a", "max\n", "600\n", "")), 0, 0, false},
		{"version 2, no controller", proc("0::/a\n", mountV2), 0, 0, false},
		{"version 2, limit 0", join(proc("0::/a\n", mountV2), at2(top2+"/a", "0\n", "2\n", "")), 2, 1, false},
		{"more inactive than used", join(proc("0::/a\n", mountV2), at2(top2+"/a", "1000\n", "600\n", "inactive_file 700\n")), 0, 1000, false},
		{
			"an ancestor is tighter", join(proc("0::/a/b/c\n", mountV2), at2(top2+"/a/b/c", "1000", "100", ""),
				at2(top2+"/a/b", "max", "700", ""), at2(top2+"/a", "2000", "1500", "")), 1500, 2000, false,
		},
		{
			"an ancestor is looser", join(proc("0::/a/b\n", mountV2), at2(top2+"/a/b", "1000", "900", ""),
				at2(top2+"/a", "9000", "1500", "")), 900, 1000, false,
		},
		{
			"a neighbour does not count", join(proc("0::/a\n", mountV2), at2(top2+"/a", "1000", "100", ""),
				at2(top2+"/ab", "1000", "999", "")), 100, 1000, false,
		},
		{
			"version 1", join(proc("12:cpu,cpuacct:/x\n4:memory:/docker/1\n1:name=systemd:/docker/1\n", mountV1),
				at1(top1+"/docker/1", "1000\n", "800\n", "inactive_file 5\ntotal_inactive_file 300\n"),
				at1(top1+"/docker", unlimitedV1, "800\n", ""), at1(top1, unlimitedV1, "99999\n", "")), 500, 1000, false,
		},
		{"version 1, no limit", join(proc("4:memory:/\n", mountV1), at1(top1, unlimitedV1, "800\n", "")), 0, 0, false},
		{
			"version 1, several controllers in one hierarchy", join(
				proc("4:cpu,memory:/a\n", "35 31 0:32 / /cg rw - cgroup cgroup rw,cpu,memory\n"),
				at1("cg/a", "1000", "800", "")), 800, 1000, false,
		},
		{
			"version 1, in a container that sees its part", join(
				proc("4:memory:/docker/1/inner\n", "35 31 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"),
				at1(top1+"/inner", "5000", "500", ""), at1(top1, "1000", "700", "")), 700, 1000, false,
		},
		{
			"version 1, in a container that sees another part", join(
				proc("4:memory:/docker/12\n", "35 31 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"),
				at1(top1+"/2", "1", "1", ""), at1(top1, "1000", "700", "")), 700, 1000, false,
		},
		{
			"a second mount shows more", join(
				proc("0::/a/b\n", "35 31 0:32 /other /mnt rw - cgroup2 cgroup2 rw\n"+mountV2),
				at2("mnt", "10", "10", ""), at2(top2+"/a/b", "1000", "700", "")), 700, 1000, false,
		},
		{
			"outside of the namespace's root", join(proc("0::/../x\n", mountV2),
				at2(top2, "1000", "700", ""), at2("sys/fs/x", "1", "1", "")), 700, 1000, false,
		},
		{
			"hybrid, memory in version 1", join(
				proc("4:memory:/a\n0::/a\n", mountV1+"36 31 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"),
				at1(top1+"/a", "1000", "700", "")), 700, 1000, false,
		},
		{
			"hybrid, memory in version 2", join(
				proc("1:name=systemd:/a\n0::/a\n", mountV1+"36 31 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"),
				at2(top2+"/unified/a", "1000", "700", "")), 700, 1000, false,
		},
		{
			"a mount point with a space", join(proc("0::/a\n", `29 23 0:26 / /my\040cg rw - cgroup2 cgroup2 rw`+"\n"),
				at2("my cg/a", "1000", "700", "")), 700, 1000, false,
		},
		{"a group with a colon", join(proc("0::/a:b\n", mountV2), at2(top2+"/a:b", "1000", "700", "")), 700, 1000, false},
		{"nothing mounted", proc("0::/a\n4:memory:/a\n", "23 1 0:21 / /proc rw - proc proc rw\n"), 0, 0, false},
		{"no mountinfo", map[string]string{"proc/self/cgroup": "0::/\n"}, 0, 0, true},
		{"malformed lines", join(proc("\nfoo\n0:\n0::/a\n", "\nfoo - bar\n1 2 3 4 5 - cgroup2\n"+mountV2), at2(top2+"/a", "1000", "700", "")), 700, 1000, false},
		{"malformed limit", join(proc("0::/a\n", mountV2), at2(top2+"/a", "many", "700", "")), 0, 0, true},
		{"malformed usage", join(proc("0::/a\n", mountV2), at2(top2+"/a", "1000", "", "")), 0, 0, true},
		{"malformed stat", join(proc("0::/a\n", mountV2), at2(top2+"/a", "1000", "700", "inactive_file few\n")), 0, 0, true},
		{
			"a limit without usage", join(proc("0::/a\n", mountV2), map[string]string{top2 + "/a/memory.max": "1000"}),
			0, 0, true,
		},
		{
			"usage without stat", join(proc("0::/a\n", mountV2), map[string]string{top2 + "/a/memory.max": "1000", top2 + "/a/memory.current": "1"}),
			0, 0, true,
		},
		{
			"one level malformed, another good", join(proc("0::/a/b\n", mountV2), at2(top2+"/a/b", "x", "1", ""),
				at2(top2+"/a", "1000", "700", "")), 700, 1000, true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &cgroup{files: tree(tt.files)}
			for range 2 { // the second look knows the place
				used, limit, err := c.read()
				if used != tt.wantUsed || limit != tt.wantLimit || (err != nil) != tt.wantErr {
					t.Errorf("got %d of %d, error %v; want %d of %d, error %v",
						used, limit, err, tt.wantUsed, tt.wantLimit, tt.wantErr)
				}
			}
		})
	}
}

func TestCgroupFollowsAMovedProcess(t *testing.T) {
	files := tree(join(proc("0::/a\n", mountV2),
		at2("sys/fs/cgroup/a", "1000", "100", ""), at2("sys/fs/cgroup/b", "1000", "900", "")))
	c := &cgroup{files: files}
	for _, want := range []struct {
		group string
		used  uint64
	}{{"a", 100}, {"b", 900}, {"a", 100}} {
		files["proc/self/cgroup"] = &fstest.MapFile{Data: []byte("0::/" + want.group + "\n")}
		if used, _, err := c.read(); used != want.used || err != nil {
			t.Errorf("in %s: got %d and %v, want %d", want.group, used, err, want.used)
		}
	}
}

func TestCgroupThatMayNotBeReadIsAnError(t *testing.T) {
	files := tree(nil)
	files["proc/self/cgroup"] = &fstest.MapFile{Mode: 1 << 31} // a directory
	c := &cgroup{files: files}
	if _, limit, err := c.read(); err == nil || limit != 0 {
		t.Errorf("got limit %d and %v, want an error", limit, err)
	}
}
