// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/audit"
	"github.com/hydra-logger/hydra/internal/fault"
)

var auditKey = []byte("a key of 19 bytes..")

// newAudited is newRig for a destination with Audit and the key.
func newAudited(t *testing.T, set func(r *rig, d *hydra.Destination, c *hydra.Config)) *rig {
	t.Helper()
	return newRig(t, func(r *rig, d *hydra.Destination, c *hydra.Config) {
		d.Audit = &hydra.Audit{Key: auditKey}
		if set != nil {
			set(r, d, c)
		}
	})
}

// audited returns what the streams prove.
func audited(t *testing.T, streams ...[]byte) audit.Report {
	t.Helper()
	a := audit.New(auditKey)
	for i, s := range streams {
		assert.NilError(t, a.Read(string(rune('a'+i)), bytes.NewReader(s)))
	}
	return a.Report()
}

// proven checks that what the sink took proves itself to be whole, and that the
// account in it is that of Health.
func (r *rig) proven() audit.Run {
	r.t.Helper()
	report := audited(r.t, r.sink.Bytes())
	assert.Equal(r.t, report.Verdict, audit.Proven, "%+v\n%s", report, r.sink.Bytes())
	r.wantTrail(report)
	return report.Runs[0]
}

// wantTrail checks the account in the stream, of one run, against that of Health.
func (r *rig) wantTrail(report audit.Report) {
	r.t.Helper()
	assert.Equal(r.t, len(report.Runs), 1)
	run, d := report.Runs[0], r.state()
	assert.Equal(r.t, run.Lines, d.Written, "%s", r.sink.Bytes())
	ends := uint64(0)
	if run.Ended {
		ends = 1
	}
	assert.Equal(r.t, run.Markers+ends, d.GapMarkers)
	assert.Equal(r.t, d.Trail, fmt.Sprintf("%s.%d", run.ID, run.Last))
}

// short returns lines without their MACs, with R for the run.
func short(lines []string) []string {
	var all []string
	for _, line := range lines {
		head, value, _ := strings.Cut(line, " trail=")
		parts := strings.Split(value, ".")
		all = append(all, head+" "+parts[1])
	}
	return all
}

// The writer rests when a record goes past the queue, so that Close finds the gap
// not yet told: its marker and the last line come one after the other.
func TestTrailEndsBehindAGapThatIsToldAtClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAudited(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) {
			d.Queue.Bytes = 4 << 10
		})
		r.log(1, 1)
		settle()
		assert.NilError(t, r.say(strings.Repeat("x", 5<<10)))
		r.close()
		run := r.proven()
		assert.Assert(t, run.Ended)
		assert.Equal(t, run.Lines, uint64(1))
		assert.Equal(t, run.Markers, uint64(1))
	})
}

func TestTrailNumbersWhatTheStreamHasAndWhatIsMissing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy hydra.Policy
		want   []string
	}{
		{"DropOldest", hydra.DropOldest, []string{
			"1 1", gap(3, 0, 0)[0] + " 2-4", "5 5", "6 6", "7 7", "8 8", hydra.EndMessage + " end-8",
		}},
		{"Error", hydra.Error, []string{
			"1 1", gap(0, 3, 0)[0] + " 2-1", "2 2", "3 3", "4 4", "5 5", hydra.EndMessage + " end-5",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var release func()
				r := newAudited(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
					d.Policy, d.Queue.Records = tt.policy, 4
					release = hold(r, nil)
				})
				r.log(1, 1)
				settle()
				for i := 2; i <= 8; i++ {
					_ = r.say(fmt.Sprint(i)) // refused under Error
				}
				release()
				r.close()
				assert.DeepEqual(t, short(r.sink.Lines()), tt.want)
				run := r.proven()
				assert.Equal(t, run.Told, r.state().Losses.Oldest)
			})
		})
	}
}

// silent is a format that leaves out gap markers and the like.
type silent struct{}

func (silent) AppendRecord(dst []byte, r slog.Record, top []slog.Attr) ([]byte, format.Flaws) {
	if strings.HasPrefix(r.Message, "hydra: ") {
		return dst, 0
	}
	return lines{}.AppendRecord(dst, r, top)
}

func (f silent) WithAttrs([]slog.Attr) format.Format { return f }
func (f silent) WithGroup(string) format.Format      { return f }

func TestTrailHasNoHoleWhereAFormatLeavesMarkersOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newAudited(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.Queue.Records, d.Format = 4, silent{}
			release = hold(r, nil)
		})
		r.log(1, 1)
		settle()
		r.log(2, 8)
		release()
		r.close()
		assert.DeepEqual(t, short(r.sink.Lines()), []string{"1 1", " 2-4", "5 5", "6 6", "7 7", "8 8", " end-8"})
		r.proven()
	})
}

func TestStreamWithoutALineHasNoEnd(t *testing.T) {
	r := newAudited(t, nil)
	r.close()
	assert.Equal(t, len(r.sink.Bytes()), 0)
}

func TestDestinationWithoutAuditHasNoTrail(t *testing.T) {
	r := newRig(t, nil)
	r.log(1, 2)
	r.close()
	assert.DeepEqual(t, r.sink.Lines(), numbers(1, 2))
	assert.Equal(t, r.state().Trail, "")
}

func TestLayersOfOneSinkNeedTheSameAudit(t *testing.T) {
	other := []byte("another key of 24 bytes.")
	for _, tt := range []struct {
		name string
		a, b *hydra.Audit
		want string
	}{
		{"none", nil, nil, ""},
		{"equal", &hydra.Audit{Key: auditKey}, &hydra.Audit{Key: bytes.Clone(auditKey)}, ""},
		{"no keys", &hydra.Audit{}, &hydra.Audit{}, ""},
		{"one without", &hydra.Audit{}, nil, "has the sink of destination"},
		{"other key", &hydra.Audit{Key: auditKey}, &hydra.Audit{Key: other}, "has the sink of destination"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &fault.Sink{}
			h, err := hydra.Open(hydra.Config{Layers: map[string]hydra.Layer{
				"default": {Destinations: []hydra.Destination{{Sink: s, Audit: tt.a}}},
				"other":   {Destinations: []hydra.Destination{{Sink: s, Audit: tt.b}}},
			}})
			if tt.want != "" {
				assert.ErrorContains(t, err, tt.want)
				return
			}
			assert.NilError(t, err)
			assert.NilError(t, h.Close(t.Context()))
		})
	}
}

func TestShortKeyIsAMistakeAndIsNotPrinted(t *testing.T) {
	var cfg hydra.Config
	for _, key := range []string{"", "secret"} {
		cfg = hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{
			{Sink: &fault.Sink{}, Audit: &hydra.Audit{Key: []byte(key)}},
		}}}}
		_, err := hydra.Open(cfg)
		assert.Error(t, err, fmt.Sprintf(`hydra: Layers["default"].Destinations[0].Audit.Key: %d bytes are too few for a key; `+
			"give it at least 16, such as 32 of crypto/rand, or nil for numbers alone", len(key)))
	}

	var fallback bytes.Buffer
	cfg.Fallback = &fallback
	h := hydra.NewHandler(cfg) // goes on with numbers alone
	assert.NilError(t, say(h, "a"))
	assert.NilError(t, h.Close(t.Context()))
	sink := cfg.Layers["default"].Destinations[0].Sink.(*fault.Sink)
	assert.Assert(t, strings.HasSuffix(sink.Lines()[0], `.1"}`), "%s", sink.Bytes())
	assert.Assert(t, !strings.Contains(fallback.String(), "secret"))
}

func TestKeyIsCopiedAndNeverPrinted(t *testing.T) {
	key := []byte("a secret of 21 bytes!")
	a := &hydra.Audit{Key: key}
	s := &fault.Sink{}
	d := hydra.Destination{Sink: s, Audit: a}
	h, err := hydra.Open(hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{d}}}})
	assert.NilError(t, err)
	copied := bytes.Clone(key)
	key[0] = 'x'
	assert.NilError(t, say(h, "a"))
	assert.NilError(t, h.Close(t.Context()))
	for _, tt := range []struct {
		key  []byte
		want audit.Verdict
	}{{copied, audit.Proven}, {key, audit.Broken}} {
		reader := audit.New(tt.key)
		assert.NilError(t, reader.Read("a", bytes.NewReader(s.Bytes())))
		assert.Equal(t, reader.Report().Verdict, tt.want)
	}

	var printed strings.Builder
	for _, v := range []any{a, *a, d, &d, hydra.Config{Layers: map[string]hydra.Layer{"a": {Destinations: []hydra.Destination{d}}}}, h.Health()} {
		fmt.Fprintf(&printed, "%v %+v %#v %s %q %x %d\n", v, v, v, v, v, v, v)
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("a", "v", v)
		slog.New(slog.NewTextHandler(&printed, nil)).Info("a", "v", v)
	}
	for _, secret := range []string{"secret", fmt.Sprintf("%x", key[1:]), fmt.Sprint(key[1:])[1:20], base64.StdEncoding.EncodeToString(key)[4:]} {
		assert.Assert(t, !strings.Contains(printed.String(), secret), "%q in %s", secret, &printed)
	}
	assert.Equal(t, a.String(), "Audit{Key: (hidden)}")
	assert.Equal(t, hydra.Audit{}.String(), "Audit{}")
}

func BenchmarkAudit(b *testing.B) {
	for _, bb := range []struct {
		name  string
		audit *hydra.Audit
	}{{"none", nil}, {"numbers", &hydra.Audit{}}, {"key", &hydra.Audit{Key: auditKey}}} {
		b.Run(bb.name, func(b *testing.B) {
			h := hydra.NewHandler(hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{
				{Sink: hydra.Writer(io.Discard), Policy: hydra.Block, Audit: bb.audit},
			}}}})
			r := slog.NewRecord(time.Now(), slog.LevelInfo, strings.Repeat("x", 120), 0)
			for b.Loop() {
				_ = h.Handle(b.Context(), r)
			}
			if err := h.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func TestFault48ATrailOutlivesAWriterThatIsEndedWithNothingInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.Audit = &hydra.Audit{Key: auditKey}
			r.sink.OnOpen = fault.First(1, fault.Exit())
		})
		settle()
		time.Sleep(2 * time.Second) // the sink is opened again
		r.log(1, 10)
		r.close()
		report := audited(t, r.sink.Bytes())
		assert.Equal(t, report.Verdict, audit.Proven, "%+v\n%s", report, r.sink.Bytes())
		assert.Equal(t, report.Runs[0].Lines, uint64(10))
	})
}
