// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package memory

import (
	"testing"
	"testing/fstest"
)

func TestCeilingIsTheTightestOfAllLevels(t *testing.T) {
	const top2, top1 = "sys/fs/cgroup", "sys/fs/cgroup/memory"
	tests := []struct {
		name      string
		files     map[string]string
		wantLimit uint64
		wantFree  uint64
		wantErr   bool
	}{
		{"no cgroups in the kernel", nil, 0, 0, false},
		{"no limit", join(proc("0::/a\n", mountV2), at2(top2+"/a", "max\n", "600\n", "")), 0, 0, false},
		{"version 2", join(proc("0::/a\n", mountV2), at2(top2+"/a", "1000\n", "600\n", "inactive_file 100\n")), 1000, 500, false},
		{"version 1", join(proc("4:memory:/a\n", mountV1), at1(top1+"/a", "1000\n", "600\n", "total_inactive_file 100\n")), 1000, 500, false},
		{"full", join(proc("0::/a\n", mountV2), at2(top2+"/a", "1000\n", "1100\n", "")), 1000, 0, false},
		{
			"one has the limit, another is full", join(proc("0::/a/b/c\n", mountV2), at2(top2+"/a/b/c", "1000", "100", ""),
				at2(top2+"/a/b", "max", "700", ""), at2(top2+"/a", "2000", "1950", "")), 1000, 50, false,
		},
		{"unreadable", join(proc("0::/a\n", mountV2), at2(top2+"/a", "many\n", "600\n", "")), 0, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := fstest.MapFS{}
			for name, content := range tt.files {
				files[name] = &fstest.MapFile{Data: []byte(content)}
			}
			limit, free, err := ceiling(files)
			if limit != tt.wantLimit || free != tt.wantFree || (err != nil) != tt.wantErr {
				t.Errorf("got %d of which %d are free, %v; want %d, %d, error %t", limit, free, err, tt.wantLimit, tt.wantFree, tt.wantErr)
			}
		})
	}
}
