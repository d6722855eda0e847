// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Block m/queue.go:4 is reached by the second test binary only, m/queue.go:8 by none.
const profile = `mode: set
m/queue.go:1.2,3.4 6 1
m/queue.go:4.2,7.4 2 0
m/queue.go:8.2,9.4 1 0
m/sub/a.go:1.2,3.4 1 0
m/queue.go:1.2,3.4 6 0
m/queue.go:4.2,7.4 2 1
m/queue.go:8.2,9.4 1 0
m/sub/a.go:1.2,3.4 1 1
`

func TestProfileIsJudged(t *testing.T) {
	tests := []struct {
		name    string
		profile string
		total   float64
		full    []string
		wantOut string
		wantErr string // "" means that the profile passes
	}{
		{"total met", profile, 90, nil, " 90.0%  of 10 statements\n", ""},
		{"total missed", profile, 90.1, nil, "m/queue.go:8.2,9.4: not reached\n", "tests reach 90.00% of the statements, want 90.1%"},
		{"file reached whole", profile, 0, []string{"m/sub/a.go"}, "100.0%  m/sub\n", ""},
		{"file with a gap", profile, 0, []string{"m/queue.go"}, "m/queue.go:8.2,9.4: not reached\n", "tests reach 8 of 9 statements of m/queue.go"},
		{"file missing", profile, 0, []string{"m/shutdown.go"}, "", "m/shutdown.go is not in the profile"},
		{"empty", "mode: set\n", 0, nil, "", "no statements in the profile"},
		{"not a profile", "hello\n", 0, nil, "", `line "hello"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "cover.out")
			if err := os.WriteFile(file, []byte(tt.profile), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err := run(&out, file, tt.total, tt.full)
			if !strings.Contains(out.String(), tt.wantOut) {
				t.Errorf("got output\n%s\nwant %q in it", &out, tt.wantOut)
			}
			if tt.wantErr == "" && err != nil {
				t.Errorf("got error %v, want none", err)
			}
			if tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)) {
				t.Errorf("got error %v, want one with %q", err, tt.wantErr)
			}
		})
	}
}
