// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/audit"
	"github.com/hydra-logger/hydra/internal/trail"
)

var testKey = []byte("0123456789abcdef")

// stream returns the lines of a run of 1, 2, a marker for 3 and 4, 5 and the end.
func stream() []string {
	c := trail.NewChain(testKey)
	one, two := c.Line(nil, []byte("one\n"), 1), c.Line(nil, []byte("two\n"), 2)
	gap, five := c.Gap(nil, []byte("gap\n"), 4), c.Line(nil, []byte("five\n"), 5)
	return []string{string(one), string(two), string(gap), string(five), string(c.End(nil, []byte("end\n")))}
}

// runOf returns the run of a line.
func runOf(line string) string {
	m, _, _ := trail.Parse([]byte(line))
	return m.Run.String()
}

// withoutMAC returns a line whose trail has lost its MAC.
func withoutMAC(line string) string { return line[:strings.LastIndexByte(line, '.')] + "\n" }

func join(lines ...string) string { return strings.Join(lines, "") }

func TestCommandSaysWhatItFoundInWordsAndExits(t *testing.T) {
	s := stream()
	bare := trail.NewChain(nil)
	var noMACs []byte // 20 lines and an end
	for n := range uint64(20) {
		noMACs = bare.Line(noMACs, []byte("one\n"), n+1)
	}
	noMACs = bare.End(noMACs, []byte("end\n"))
	files := map[string]string{
		"whole": join(s...), "head": join(s[:3]...), "tail": join(s[3:]...), "hole": join(s[0], s[2], s[3], s[4]),
		"changed": join(s[0], "T"+s[1][1:], s[2], s[3], s[4]), "twice": join(s[0], s[0], s[1], s[2], s[3], s[4], s[4]),
		"forged":  "paid trail=" + runOf(s[0]) + ".3.AAAAAAAAAAAAAAAAAAAAAA\n",
		"later":   "paid trail=" + runOf(s[0]) + ".4.AAAAAAAAAAAAAAAAAAAAAA\n",
		"foreign": join(s...) + "foreign\n", "plain": "a\nb\n", "empty": "", "damaged": "\x1f\x8b\x08",
		"bare": string(noMACs), "rows": join("a\n", "b\n", join(s...), "c\n", "d\n"),
		"mixed": join(s[0], "T"+s[1][1:], s[2], withoutMAC(s[3]), s[4]), "cut": s[0][:len(s[0])-3],
		"zstd": "\x28\xb5\x2f\xfd", "key": string(testKey), "ended": string(testKey) + "\n", "short": "key",
	}
	dir := t.TempDir()
	t.Chdir(dir)
	assert.NilError(t, os.Mkdir("folder", 0o700))
	for name, text := range files {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	_, missing := os.Open("none")
	assert.ErrorIs(t, missing, fs.ErrNotExist)
	why := errors.Unwrap(missing).Error() // as the system puts it
	const noTrail = "CANNOT TELL: no line has a trail, so there is no run to prove.\n"
	const noKey = "Without -key only numbers were looked at"
	for _, tt := range []struct {
		name string
		args string
		exit int
		want []string // in what it prints
	}{
		{"help", "help", 0, []string{"hydra audit [-key FILE]"}},
		{"help of audit", "audit -h", 0, []string{"usage: hydra audit", "-partial"}},
		{"version", "version", 0, []string{"hydra "}},
		{"nothing", "", 2, []string{"hydra audit [-key FILE]"}},
		{"unknown command", "check", 2, []string{`there is no command "check"`}},
		{"no file", "audit", 2, []string{"usage: hydra audit"}},
		{"unknown flag", "audit -x", 2, []string{"-x", "usage: hydra audit"}},
		{"missing file", "audit none", 2, []string{"hydra audit: none: " + why}},
		{"folder", "audit folder", 2, []string{"folder: is a directory"}},
		{"zstd", "audit zstd", 2, []string{"zstd -dc FILE | hydra audit -"}},
		{"missing key", "audit -key none whole", 2, []string{"none"}},
		{"short key", "audit -key short whole", 2, []string{"short holds 3 bytes; a key has at least 16"}},
		{"whole", "audit whole", 0, []string{"1..5     3      2", "yes    proven   whole\n", noKey, "PROVEN"}},
		{"whole, with the key", "audit -key key whole", 0, []string{"PROVEN"}},
		{"key with a line end", "audit -key ended whole", 1, []string{"most likely -key is not the key of this run"}},
		{"two files", "audit -key key tail head", 0, []string{"proven   tail and 1 more\n", "PROVEN"}},
		{"standard input", "audit -key key -", 0, []string{"PROVEN"}},
		{"hole", "audit hole", 1, []string{"number 2 is missing without account, between hole:1 and hole:2", "NOT PROVEN"}},
		{"hole, with the key", "audit -key key hole", 1, []string{"lines that cannot be proven, for the line before them is not here: 1, at hole:2"}},
		{"changed", "audit changed", 0, []string{noKey, "PROVEN"}},
		{"changed, with the key", "audit -key key changed", 1, []string{"lines whose MAC is wrong, for they were changed, a line before them is gone, or they have another key: 1, at changed:2"}},
		{"twice", "audit twice", 1, []string{
			"numbers that are here twice: 1, at twice:2", "lines behind one with a higher number: 1, at twice:2", "numbers beyond the end of the run: 1, at twice:7",
		}},
		{"foreign line", "audit foreign", 1, []string{"foreign: lines without a trail: 1, at foreign:6"}},
		{"beginning", "audit head", 1, []string{"has no end: it goes on, or crashed, or lines behind number 4 were cut off", "OPEN"}},
		{"end", "audit tail", 1, []string{"begins before these files; what came before number 5 is not known", "OPEN"}},
		{"end, as asked for", "audit -partial -key key tail", 0, []string{"OPEN"}},
		{"hole, partial", "audit -partial hole", 1, []string{"NOT PROVEN"}},
		{"fallback", "audit whole tail", 1, []string{"numbers that are here twice: 1, at tail:1"}},
		{"forged, for a missing number", "audit -partial -key key whole forged", 1, []string{"or they have another key: 1, at forged:1"}},
		{"forged, for a later missing number", "audit -partial -key key whole later", 0, []string{"for the line before them is not here: 1, at later:1"}},
		{"without trails", "audit plain", 2, []string{"plain: none of 2 lines has a trail; its destination has no Audit", noTrail}},
		{"without trails, with the key", "audit -key key plain", 2, []string{noTrail}},
		{"without trails, partial", "audit -partial plain plain", 2, []string{noTrail}},
		{"without trails, as JSON", "audit -json plain", 2, []string{`"verdict": "unknown"`}},
		{"a trail that is cut off", "audit cut", 2, []string{"cut: none of 1 lines has a trail", noTrail}},
		{"without trails beside others", "audit plain whole", 0, []string{"none of 2 lines has a trail", "PROVEN"}},
		{"empty", "audit empty", 2, []string{"empty: has no lines\n", "CANNOT TELL: there is no line to look at.\n"}},
		{"empty, as JSON", "audit -json empty", 2, []string{`"name": "empty"`, `"verdict": "unknown"`}},
		{"empty, partial", "audit -partial empty empty", 2, []string{"CANNOT TELL"}},
		{"empty beside another run", "audit empty whole", 0, []string{"empty: has no lines\n", "PROVEN: of the runs above, every record is here"}},
		{"empty beside a file without trails", "audit empty plain", 2, []string{"empty: has no lines\n", noTrail}},
		{"damaged", "audit damaged", 1, []string{"damaged: damaged behind line 0: unexpected EOF\nNOT PROVEN\n"}},
		{"damaged beside a file without trails", "audit plain damaged", 1, []string{"damaged behind line 0", "NOT PROVEN"}},
		{"without MACs", "audit -key key bare", 1, []string{"0          yes    broken   bare\n", "lines without a MAC: 21, at bare:1, …\n", "NOT PROVEN"}},
		{"wrong MACs beside lines without", "audit -key key mixed", 1, []string{
			"2          yes    broken   mixed\n", "or they have another key: 2, at mixed:2, mixed:5\n", "lines without a MAC: 1, at mixed:4\n",
		}},
		{"two rows without trails", "audit rows", 1, []string{"rows: lines without a trail: 4, at rows:1, rows:8, …\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			exit := run(strings.Fields(tt.args), strings.NewReader(files["whole"]), &out, &out)
			assert.Equal(t, exit, tt.exit, &out)
			for _, want := range tt.want {
				assert.Assert(t, strings.Contains(out.String(), want), "got %s, want %q in it", &out, want)
			}
		})
	}
}

func TestCommandPrintsJSON(t *testing.T) {
	var out, errs strings.Builder
	exit := run([]string{"audit", "-json", "-"}, strings.NewReader(join(stream()...)), &out, &errs)
	assert.Equal(t, exit, exitOK, &errs)
	var got audit.Report
	assert.NilError(t, json.Unmarshal([]byte(out.String()), &got))
	assert.Equal(t, got.Verdict, audit.Proven)
	assert.Equal(t, len(got.Runs), 1)
	run := got.Runs[0]
	run.ID = ""
	assert.DeepEqual(t, run, audit.Run{Verdict: audit.Proven, First: 1, Last: 5, Lines: 3, Markers: 1, Ended: true, Told: 2, Files: []string{"standard input"}})
	assert.Equal(t, len(got.Files), 1)
	f := got.Files[0]
	assert.Equal(t, f.Name, "standard input")
	assert.DeepEqual(t, []uint64{f.Lines, f.Trailed, f.Bare.Count}, []uint64{5, 5, 0})
}
