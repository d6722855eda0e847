// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/spool"
)

// left fills a folder with frames of a number of records each, as a run that ended
// during an outage leaves it, and returns the paths of the segments.
func left(t *testing.T, dir string, frames, each int, o *spool.Options) []string {
	t.Helper()
	s := opened(t, &fault.Sink{OnOpen: fault.Always(fault.Fail(errAway))}, dir, o)
	for i := range frames {
		_, err := s.Write(ended(), numbered(i*each, (i+1)*each))
		assert.NilError(t, err)
	}
	assert.NilError(t, s.Close(t.Context())) // which gives up at once, as the inner sink does
	var paths []string
	for _, name := range segments(t, dir) {
		if strings.HasSuffix(name, ".seg") {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths
}

// replayed opens the folder, lets everything out and returns what came, and the
// state at the end.
func replayed(t *testing.T, dir string) ([]string, spool.State) {
	t.Helper()
	var inner fault.Sink
	s := opened(t, &inner, dir, nil)
	assert.NilError(t, s.Close(t.Context()))
	sound(t, &inner)
	return inner.Lines(), state(s)
}

func TestEveryByteOfASegmentFlipped(t *testing.T) {
	const frames, each = 3, 2
	var whole []byte
	var name string
	{
		paths := left(t, t.TempDir(), frames, each, nil)
		assert.Equal(t, len(paths), 1)
		var err error
		whole, err = os.ReadFile(paths[0])
		assert.NilError(t, err)
		name = filepath.Base(paths[0])
	}
	const header, head = 40, 40
	frame := (len(whole) - header) / frames
	root := t.TempDir()
	for i := range whole {
		dir := filepath.Join(root, fmt.Sprint(i))
		assert.NilError(t, os.Mkdir(dir, 0o700))
		bad := slices.Clone(whole)
		bad[i] ^= 0x41
		path := filepath.Join(dir, name)
		assert.NilError(t, os.WriteFile(path, bad, 0o600))
		got, st := replayed(t, dir)
		want, damaged := lines(0, frames*each), 0 // the frames tell what the header would
		if i >= header {
			hit := (i - header) / frame
			want, damaged = slices.Delete(want, hit*each, (hit+1)*each), each
			if hit == frames-1 && i < header+hit*frame+head {
				damaged = 0 // nothing tells how many there were
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("byte %d: got %q, want %q", i, got, want)
		}
		kept, err := os.ReadFile(path + ".bad")
		assert.NilError(t, err, "byte %d", i)
		assert.Assert(t, bytes.Equal(kept, bad), "byte %d", i)
		assert.Equal(t, st.Quarantined, 1)
		if st.Damaged != uint64(damaged) {
			t.Fatalf("byte %d: got %d damaged, want %d", i, st.Damaged, damaged)
		}
	}
}

func TestATornLastFrameIsCutOffAndCounted(t *testing.T) {
	paths := left(t, t.TempDir(), 3, 2, nil)
	whole, err := os.ReadFile(paths[0])
	assert.NilError(t, err)
	frame := (len(whole) - 40) / 3
	for cut := len(whole) - 1; cut > 40; cut-- {
		dir := t.TempDir()
		assert.NilError(t, os.WriteFile(filepath.Join(dir, filepath.Base(paths[0])), whole[:cut], 0o600))
		got, st := replayed(t, dir)
		n := (cut - 40) / frame
		assert.DeepEqual(t, got, lines(0, 2*n))
		torn := uint64(1)
		if (cut-40)%frame == 0 {
			torn = 0
		}
		assert.Equal(t, st.Torn, torn, "cut at %d", cut)
		assert.Equal(t, st.Quarantined, 0, "cut at %d", cut)
		assert.DeepEqual(t, segments(t, dir), []string(nil))
	}
}

func TestDamageInTheMiddleSparesTheSegmentsAround(t *testing.T) {
	dir := t.TempDir()
	paths := left(t, dir, 200, 5, &spool.Options{SegmentBytes: 4 << 10})
	assert.Assert(t, len(paths) > 4, len(paths))
	text, err := os.ReadFile(paths[2])
	assert.NilError(t, err)
	lost := bytes.Count(text, []byte("record"))
	clear(text)
	assert.NilError(t, os.WriteFile(paths[2], text, 0o600))
	got, st := replayed(t, dir)
	assert.Equal(t, len(got), 1000-lost)
	assert.Assert(t, slices.IsSortedFunc(got, byNumber))
	assert.Equal(t, st.Quarantined, 1)
	assert.Equal(t, st.Bytes, int64(0))
	assert.DeepEqual(t, segments(t, dir), []string{filepath.Base(paths[2]) + ".bad"})
	// What is kept is not looked at again, and its number is not given again.
	fresh := left(t, dir, 1, 1, nil)
	assert.Assert(t, filepath.Base(fresh[0]) > filepath.Base(paths[len(paths)-1]) || len(fresh) == 1)
	got, st = replayed(t, dir)
	assert.DeepEqual(t, got, lines(0, 1))
	assert.Equal(t, st.Quarantined, 1)
}

// byNumber compares two lines of numbered.
func byNumber(a, b string) int {
	var i, j int
	fmt.Sscanf(a, "record %d", &i)
	fmt.Sscanf(b, "record %d", &j)
	return i - j
}

func TestASegmentThatIsRepairedIsDeliveredWhateverTheCursorSays(t *testing.T) {
	dir := t.TempDir()
	paths := left(t, dir, 3, 2, nil)
	whole, err := os.ReadFile(paths[0])
	assert.NilError(t, err)
	bad := slices.Clone(whole)
	bad[len(bad)-1]++
	assert.NilError(t, os.WriteFile(paths[0], bad, 0o600))
	got, _ := replayed(t, dir)
	assert.DeepEqual(t, got, lines(0, 4))
	left(t, dir, 1, 1, nil)
	replayed(t, dir) // the cursor is elsewhere now
	assert.NilError(t, os.Remove(paths[0]+".bad"))
	assert.NilError(t, os.WriteFile(paths[0], whole, 0o600))
	got, st := replayed(t, dir)
	assert.DeepEqual(t, got, lines(0, 6))
	assert.Equal(t, st.Damaged, uint64(0))
}

func TestARecordThatLooksLikeAFrameIsNone(t *testing.T) {
	dir := t.TempDir()
	paths := left(t, dir, 3, 2, nil)
	forged, err := os.ReadFile(paths[0])
	assert.NilError(t, err)
	assert.NilError(t, os.Remove(paths[0]))

	s := opened(t, &fault.Sink{OnOpen: fault.Always(fault.Fail(errAway))}, dir, nil)
	b := numbered(0, 1)
	b.Bytes = append(append(b.Bytes, forged...), '\n')
	b.Ends = append(b.Ends, len(b.Bytes))
	_, err = s.Write(ended(), b)
	assert.NilError(t, err)
	assert.NilError(t, s.Close(t.Context()))
	path := filepath.Join(dir, segments(t, dir)[0])
	text, err := os.ReadFile(path)
	assert.NilError(t, err)
	text[60] ^= 1 // its head, so that frames are looked for in the record
	assert.NilError(t, os.WriteFile(path, text, 0o600))
	got, st := replayed(t, dir)
	assert.Equal(t, len(got), 0)
	assert.Equal(t, st.Quarantined, 1)
}

func TestASegmentOfAnotherVersionIsKept(t *testing.T) {
	dir := t.TempDir()
	path := left(t, dir, 3, 2, nil)[0]
	text, err := os.ReadFile(path)
	assert.NilError(t, err)
	text = spool.OtherVersion(text)
	assert.NilError(t, os.WriteFile(path, text, 0o600))
	got, st := replayed(t, dir)
	assert.Equal(t, len(got), 0)
	assert.Equal(t, st.Quarantined, 1)
	kept, err := os.ReadFile(path + ".bad")
	assert.NilError(t, err)
	assert.Assert(t, bytes.Equal(kept, text))
}

func TestWhatIsQuarantinedIsShown(t *testing.T) {
	tests := []struct {
		name   string
		damage func(segment []byte) []byte
		want   string
	}{
		{"a frame", func(p []byte) []byte { p[len(p)-1]++; return p }, "a frame is damaged"},
		{"the header", func(p []byte) []byte { p[0]++; return p }, "its header is damaged"},
		{"of another version", spool.OtherVersion, "it was written by another version"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				path := left(t, dir, 3, 2, nil)[0]
				text, err := os.ReadFile(path)
				assert.NilError(t, err)
				assert.NilError(t, os.WriteFile(path, tt.damage(text), 0o600))
				s := opened(t, &fault.Sink{}, dir, nil)
				synctest.Wait()
				shown, degraded := s.State()
				st, name := shown.(spool.State), filepath.Base(path)
				assert.Assert(t, degraded)
				assert.Equal(t, st.Quarantined, 1)
				assert.Equal(t, st.Mode, spool.Through)
				assert.Equal(t, st.LastError, "read: "+name+": "+tt.want+": kept as "+name+".bad")
				assert.NilError(t, s.Close(t.Context()))

				s = opened(t, &fault.Sink{}, dir, nil)
				_, degraded = s.State()
				assert.Assert(t, degraded, "nobody has looked at it yet")
				assert.NilError(t, s.Close(t.Context()))
				assert.NilError(t, os.Remove(path+".bad"))
				s = opened(t, &fault.Sink{}, dir, nil)
				_, degraded = s.State()
				assert.Assert(t, !degraded)
				assert.NilError(t, s.Close(t.Context()))
			})
		})
	}
}

func TestQuarantineReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	path := left(t, dir, 1, 2, nil)[0]
	text, err := os.ReadFile(path)
	assert.NilError(t, err)
	text[len(text)-1]++
	assert.NilError(t, os.WriteFile(path, text, 0o600))
	for _, suffix := range []string{".bad", ".bad.2"} {
		assert.NilError(t, os.WriteFile(path+suffix, []byte("mine"), 0o600))
	}
	_, st := replayed(t, dir)
	assert.Equal(t, st.Quarantined, 3)
	kept, err := os.ReadFile(path + ".bad.3")
	assert.NilError(t, err)
	assert.Assert(t, bytes.Equal(kept, text))
}

func TestACursorThatIsDamagedRepeatsAndLosesNothing(t *testing.T) {
	dir := t.TempDir()
	// The inner sink takes the first four records, and fails from then on.
	half := len(numbered(0, 4).Bytes)
	inner := fault.Sink{OnWrite: fault.Steps(fault.Short(half, errAway), fault.Fail(errAway), fault.Fail(errAway))}
	left(t, dir, 3, 2, nil)
	s := opened(t, &inner, dir, nil)
	assert.NilError(t, s.Close(t.Context()))
	path := filepath.Join(dir, "spool.cursor")
	cursor, err := os.ReadFile(path)
	assert.NilError(t, err)
	segment := segments(t, dir)[0]
	text, err := os.ReadFile(filepath.Join(dir, segment))
	assert.NilError(t, err)
	for i := range cursor {
		next := t.TempDir()
		assert.NilError(t, os.WriteFile(filepath.Join(next, segment), text, 0o600))
		bad := slices.Clone(cursor)
		bad[i] ^= 0x41
		assert.NilError(t, os.WriteFile(filepath.Join(next, "spool.cursor"), bad, 0o600))
		got, st := replayed(t, next)
		if !slices.Equal(got, lines(4, 6)) && !slices.Equal(got, lines(0, 6)) {
			t.Fatalf("byte %d: got %q, want the last two or all", i, got)
		}
		assert.Equal(t, st.Damaged, uint64(0))
	}
	got, _ := replayed(t, dir)
	assert.DeepEqual(t, got, lines(4, 6))
}

func TestFault18ASegmentThatSomebodyRemovesIsMissedAndTheNextOnesAreNot(t *testing.T) {
	dir := t.TempDir()
	inner := fault.Sink{OnOpen: fault.Always(fault.Fail(errAway))}
	s := opened(t, &inner, dir, nil)
	for i := range 3 {
		_, err := s.Write(ended(), numbered(2*i, 2*i+2))
		assert.NilError(t, err)
		if i == 0 {
			if err := os.Remove(filepath.Join(dir, segments(t, dir)[0])); err != nil {
				t.Skip("an open file cannot be removed here: ", err)
			}
		}
	}
	assert.Equal(t, len(segments(t, dir)), 1)
	assert.NilError(t, s.Close(t.Context()))
	got, _ := replayed(t, dir)
	assert.DeepEqual(t, got, lines(2, 6))
}

func TestASegmentRemovedWhileItWaitsIsCounted(t *testing.T) {
	dir := t.TempDir()
	paths := left(t, dir, 200, 5, &spool.Options{SegmentBytes: 4 << 10})
	text, err := os.ReadFile(paths[1])
	assert.NilError(t, err)
	gate := make(chan struct{})
	inner := fault.Sink{OnOpen: fault.At(1, fault.Hang(gate))}
	s := opened(t, &inner, dir, nil)
	assert.NilError(t, os.Remove(paths[1]))
	close(gate)
	assert.NilError(t, s.Close(t.Context()))
	lost := bytes.Count(text, []byte("record"))
	assert.Equal(t, len(inner.Lines()), 1000-lost)
	assert.Equal(t, state(s).Damaged, uint64(lost))
}

// Nothing behind it is delivered, for order is kept, so somebody has to be told.
func TestASegmentThatCannotBeOpenedIsShownAndDoesNotHoldUpClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		paths := left(t, dir, 3, 50, &spool.Options{SegmentBytes: 1 << 10})
		assert.Equal(t, len(paths), 3)
		var inner fault.Sink
		inner.OnOpen = func(int) fault.Action {
			if err := os.Link(paths[1], paths[1]+".copy"); err != nil {
				t.Skip("no links here: ", err)
			}
			return fault.Action{}
		}
		s := opened(t, &inner, dir, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.DeepEqual(t, inner.Lines(), lines(0, 50))
		shown, degraded := s.State()
		st := shown.(spool.State)
		assert.Assert(t, degraded)
		assert.Equal(t, st.Mode, spool.Spooling)
		assert.Assert(t, strings.Contains(st.LastError, "a hard link"), st.LastError)

		assert.NilError(t, os.Remove(paths[1]+".copy"))
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.DeepEqual(t, inner.Lines(), lines(0, 150))
		_, degraded = s.State()
		assert.Assert(t, !degraded)
		assert.NilError(t, s.Close(t.Context()))

		again := left(t, dir, 3, 50, &spool.Options{SegmentBytes: 1 << 10})
		paths[1] = again[0]
		inner = fault.Sink{OnOpen: inner.OnOpen}
		s = opened(t, &inner, dir, nil)
		begin := time.Now()
		assert.NilError(t, s.Close(context.Background()))
		assert.Assert(t, time.Since(begin) < time.Minute, time.Since(begin))
		assert.Equal(t, state(s).Records, uint64(150))
	})
}
