// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package trail

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

var testKey = []byte("0123456789abcdef")

const testMAC = "AAECAwQFBgcICQoLDA0ODw" // the bytes 0 to 15

func TestTrailIsTheLastAttributeOfItsLine(t *testing.T) {
	for _, tt := range []struct {
		name, record string
		want         string // % stands for the trail
	}{
		{"object", `{"msg":"a"}` + "\n", `{"msg":"a","trail":"%"}` + "\n"},
		{"object of nothing", "{}\n", `{"trail":"%"}` + "\n"},
		{"object, no line break", `{"msg":"a"}`, `{"msg":"a","trail":"%"}`},
		{"object with a trail of its own", `{"trail":"x"}` + "\n", `{"trail":"x","trail":"%"}` + "\n"},
		{"object of several lines", "{\n  \"a\": 1\n}\n", "{\n  \"a\": 1\n,\"trail\":\"%\"}\n"},
		{"text", "level=INFO msg=a\n", "level=INFO msg=a trail=%\n"},
		{"text with a trail of its own", "msg=a trail=x\n", "msg=a trail=x trail=%\n"},
		{"text that ends as an object does", "msg={a}\n", "msg={a} trail=%\n"},
		{"text that begins as an object does", "{a\n", "{a trail=%\n"},
		{"one brace", "}\n", "} trail=%\n"},
		{"Windows line break", "a,b\r\n", "a,b trail=%\r\n"},
		{"several lines", "a\nb\n", "a\nb trail=%\n"},
		{"no line break", "a\nb", "a\nb trail=%"},
		{"line break alone", "\n", " trail=%\n"},
		{"Windows line break alone", "\r\n", " trail=%\r\n"},
		{"nothing", "", " trail=%"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, key := range [][]byte{nil, testKey} {
				c := NewChain(key)
				before := c.State
				dst := []byte("before ")
				c.Next = 7
				line := bytes.TrimPrefix(c.Line(dst, []byte(tt.record), 7), dst)
				m, covered, ok := Parse(line)
				assert.Assert(t, ok, "%q", line)
				value := c.Run.String() + ".7"
				if key != nil {
					value += "." + encoding.EncodeToString(c.MAC[:])
					h := hmac.New(sha256.New, key)
					h.Write(covered)
					h.Write(before.MAC[:])
					assert.DeepEqual(t, c.MAC[:], h.Sum(nil)[:16])
					assert.Assert(t, bytes.HasSuffix(covered, []byte(".7.")))
				}
				assert.Equal(t, string(line), strings.ReplaceAll(tt.want, "%", value))
				assert.DeepEqual(t, m, Mark{Run: c.Run, First: 7, Last: 7, Keyed: key != nil, MAC: c.MAC})
				assert.Equal(t, c.Next, uint64(8))
				assert.Assert(t, len(line)-len(tt.record) <= Max)
			}
		})
	}
}

func TestParseReadsWhatIsWrittenAndNothingElse(t *testing.T) {
	run := Run([]byte("abcdEF01"))
	mac := MAC{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	for _, tt := range []struct {
		name, trail string
		want        *Mark // nil if it is no trail
	}{
		{"line", "abcdEF01.1", &Mark{Run: run, First: 1, Last: 1}},
		{"highest", "abcdEF01.4611686018427387903", &Mark{Run: run, First: maxNumber, Last: maxNumber}},
		{"beyond", "abcdEF01.4611686018427387904", nil},
		{"overflow", "abcdEF01.18446744073709551617", nil},
		{"line with a MAC", "abcdEF01.12." + testMAC, &Mark{Run: run, First: 12, Last: 12, Keyed: true, MAC: mac}},
		{"gap", "abcdEF01.3-9", &Mark{Run: run, Kind: Gap, First: 3, Last: 9}},
		{"gap without numbers", "abcdEF01.3-2." + testMAC, &Mark{Run: run, Kind: Gap, First: 3, Last: 2, Keyed: true, MAC: mac}},
		{"gap at the beginning", "abcdEF01.1-0", &Mark{Run: run, Kind: Gap, First: 1, Last: 0}},
		{"end", "abcdEF01.end-9", &Mark{Run: run, Kind: End, First: 10, Last: 9}},
		{"end of nothing", "abcdEF01.end-0", &Mark{Run: run, Kind: End, First: 1, Last: 0}},
		{"empty", "", nil},
		{"run alone", "abcdEF01", nil},
		{"no number", "abcdEF01.", nil},
		{"short run", "abcdEF0.1", nil},
		{"long run", "abcdEF012.1", nil},
		{"run of other characters", "abcd-F01.1", nil},
		{"number 0", "abcdEF01.0", nil},
		{"leading zero", "abcdEF01.01", nil},
		{"sign", "abcdEF01.+1", nil},
		{"letter", "abcdEF01.1a", nil},
		{"backward gap", "abcdEF01.5-3", nil},
		{"gap from 0", "abcdEF01.0-3", nil},
		{"half a gap", "abcdEF01.5-", nil},
		{"three numbers", "abcdEF01.5-6-7", nil},
		{"other word than end", "abcdEF01.End-7", nil},
		{"end without a number", "abcdEF01.end-", nil},
		{"no MAC", "abcdEF01.1.", nil},
		{"short MAC", "abcdEF01.1.AAECAwQFBgcICQoLDA0OD", nil},
		{"long MAC", "abcdEF01.1." + testMAC + "A", nil},
		{"MAC that could be written otherwise", "abcdEF01.1.AAECAwQFBgcICQoLDA0ODx", nil},
		{"MAC of other characters", "abcdEF01.1.AAECAwQFBgcICQoLDA0O/w", nil},
		{"line break in the MAC", "abcdEF01.1.AAECAwQFBgcICQoLDA0O\n\n", nil},
		{"something behind", "abcdEF01.1 ", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, form := range []string{`{"a":1,"trail":"%"}`, `{"trail":"%"}`, "a trail=%", " trail=%"} {
				line := strings.ReplaceAll(form, "%", tt.trail)
				for _, end := range []string{"", "\n", "\r\n"} {
					got, covered, ok := Parse([]byte(line + end))
					assert.Equal(t, ok, tt.want != nil, "%q", line+end)
					if ok {
						assert.DeepEqual(t, got, *tt.want)
						assert.Equal(t, string(covered), line[:strings.LastIndex(line, tt.trail)]+strings.TrimSuffix(tt.trail, testMAC))
					}
				}
			}
		})
	}
	for _, line := range []string{
		`{"a":"trail":"abcdEF01.1"}`, `"trail":"abcdEF01.1"}`, `{"trail":"abcdEF01.1"`, `{"trail":"abcdEF01.1" }`, "trail=abcdEF01.1",
		`{"trail":"abcdEF01.1"}` + strings.Repeat(" ", 200), `{"xtrail":"abcdEF01.1"}`,
	} {
		_, _, ok := Parse([]byte(line))
		assert.Assert(t, !ok, "%q", line)
	}
}

func TestUserDataCannotImitateATrail(t *testing.T) {
	c := NewChain(nil)
	for _, value := range []string{"x trail=abcdEF01.9", `","trail":"abcdEF01.9"}`, "\ntrail=abcdEF01.9", `{"trail":"abcdEF01.9"}`} {
		object, err := json.Marshal(map[string]string{"msg": value})
		assert.NilError(t, err)
		for _, record := range []string{string(object) + "\n", "msg=" + value + "\n", value + "\n"} {
			m, _, ok := Parse(c.Line(nil, []byte(record), c.Next))
			assert.Assert(t, ok)
			assert.Equal(t, m.Run, c.Run, "%q", record)
		}
	}
}

func TestTrailIsNeverLongerThanItMayBe(t *testing.T) {
	c := NewChain(testKey)
	c.Next = maxNumber - 1
	got := c.Gap(nil, []byte("{\"a\":1}\n"), maxNumber)
	assert.Assert(t, len(got)-len("{\"a\":1}\n") <= Max, "%s", got)
	_, _, ok := Parse(got)
	assert.Assert(t, ok, "%s", got)
}

func TestRunsHaveDifferentNames(t *testing.T) {
	seen := make(map[Run]bool)
	for range 1000 {
		r := NewRun()
		assert.Assert(t, !seen[r])
		assert.Assert(t, regexp.MustCompile(`^[0-9A-Za-z]{8}$`).MatchString(r.String()), "%s", r)
		seen[r] = true
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{
		`{"msg":"hello","trail":"q3Xw70aZ.17.` + testMAC + `"}` + "\n", "msg=a trail=q3Xw70aZ.3-2\n", " trail=q3Xw70aZ.end-5\r\n", "{}", `"}`, "",
		fmt.Sprintf("trail=q3Xw70aZ.%d", uint64(math.MaxUint64)),
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		m, covered, ok := Parse(line)
		if ok {
			assert.Assert(t, bytes.HasPrefix(line, covered))
			assert.Assert(t, m.First > 0 && m.Last >= m.First-1 && m.Next() > 0)
			// What was read is what would have been written.
			written := (&Mark{Run: m.Run, Kind: m.Kind, First: m.First, Last: m.Last}).append(nil, nil, nil, MAC{})
			value := bytes.TrimPrefix(written, []byte(textKey))
			if m.Keyed {
				value = encoding.AppendEncode(append(value, '.'), m.MAC[:])
			}
			assert.Assert(t, bytes.Contains(line, value), "%q has no %q", line, value)
		}
		// Whatever the record, its own trail is the one that is read.
		c := NewChain(testKey)
		m, covered, ok = Parse(c.Line(nil, line, 1))
		assert.Assert(t, ok)
		assert.Equal(t, m.Run, c.Run)
		assert.Equal(t, NewKey(testKey).Link(covered, NewKey(testKey).Start(c.Run)), m.MAC)
	})
}
