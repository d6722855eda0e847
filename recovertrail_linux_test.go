// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/audit"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/internal/ring"
)

// keyed makes a destination one with Audit and the key.
func keyed(_ *rig, d *hydra.Destination) { d.Audit = &hydra.Audit{Key: auditKey} }

func TestTrailIsProvenAlsoWhereALaterProcessBringsTheRecords(t *testing.T) {
	tests := []struct {
		name string
		set  func(r *rig, d *hydra.Destination)
	}{
		{name: "queued", set: func(r *rig, _ *hydra.Destination) {
			r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
		}},
		{name: "in flight", set: func(r *rig, _ *hydra.Destination) {
			r.sink.OnWrite = fault.From(2, fault.Fail(syscall.EIO))
		}},
		{name: "dropped before any marker told", set: func(r *rig, d *hydra.Destination) {
			d.Policy, d.Queue = hydra.DropOldest, hydra.Queue{Records: 8}
			r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				first := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
					keyed(r, d)
					tt.set(r, d)
				})
				for i := range 100 {
					if err := first.say(strconv.Itoa(i + 1)); err != nil {
						// The writer held up the oldest: a small queue refuses the newest then.
						assert.ErrorIs(t, err, hydra.ErrQueueFull)
					}
					if i == 40 {
						synctest.Wait()
					}
				}
				_ = first.Close(ended())
				health := first.state()
				assert.Equal(t, health.Offered, uint64(100))
				assert.Equal(t, health.Rejected+health.Fallback, uint64(0))
				next := durableRig(t, dir, keyed)
				next.log(101, 120)
				next.close()
				all := append(first.sink.Bytes(), next.sink.Bytes()...)
				report := audited(t, all)
				assert.Equal(t, report.Verdict, audit.Proven, "%+v\n%s", report, all)
				assert.Equal(t, len(report.Runs), 2)
				assert.Equal(t, report.Runs[0].Last, 100-health.Losses.Contended, "each that entered the queue has a number")
				assert.Equal(t, strings.Count(string(all), hydra.RecoveredMessage), 1)
			})
		})
	}
}

func TestATrailThatDoesNotGoOnAsItBeganIsTold(t *testing.T) {
	none := func(*rig, *hydra.Destination) {}
	numbered := func(_ *rig, d *hydra.Destination) { d.Audit = &hydra.Audit{} }
	other := func(_ *rig, d *hydra.Destination) { d.Audit = &hydra.Audit{Key: []byte("another key, of some length")} }
	newer := func(t *testing.T, dir string) { // as by a version that keeps more
		found, _, err := ring.Orphans(ring.Options{Dir: dir, Name: "d"})
		assert.NilError(t, err)
		o, err := found[0].Adopt()
		assert.NilError(t, err)
		b := o.Batch()
		assert.NilError(t, o.Resume(b.First, b.Next, b.Bytes, b.Ends, b.Lead, append(o.State(), 0), b.Done, b.Intent))
		assert.NilError(t, o.Leave())
	}
	for _, tt := range []struct {
		name    string
		before  func(*rig, *hydra.Destination)
		after   func(*rig, *hydra.Destination)
		between func(t *testing.T, dir string)
		idle    bool   // the dead process had logged nothing
		told    string // empty: nothing
		verdict audit.Verdict
	}{
		{name: "the same key", before: keyed, after: keyed, verdict: audit.Proven},
		{name: "another key", before: other, after: keyed, told: "had another Audit.Key", verdict: audit.Broken},
		{name: "a key of late", before: numbered, after: keyed, told: "had another Audit.Key", verdict: audit.Broken},
		{name: "no key any more", before: keyed, after: numbered, told: "had another Audit.Key", verdict: audit.Broken},
		{name: "no Audit any more", before: keyed, after: none, told: "this destination has none", verdict: audit.Broken},
		{name: "Audit of late", before: none, after: keyed, told: "had no Audit", verdict: audit.Broken},
		{name: "a state of another version", before: keyed, after: keyed, between: newer, told: "cannot be read", verdict: audit.Broken},
		{name: "another key, and nothing left", before: other, after: keyed, idle: true, verdict: audit.Proven},
		{name: "Audit of late, and nothing left", before: none, after: keyed, idle: true, verdict: audit.Proven},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				first := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
					tt.before(r, d)
					r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
				})
				if !tt.idle {
					first.log(1, 3)
				}
				settle()
				left := copyDir(t, dir) // killed now
				_ = first.Close(ended())
				if tt.between != nil {
					tt.between(t, left)
				}
				next := durableRig(t, left, tt.after)
				next.log(4, 4)
				next.close()
				events := next.seen(hydra.EventTrail)
				if tt.told == "" {
					assert.Equal(t, len(events), 0, "%v", events)
				} else {
					assert.Equal(t, len(events), 1)
					assert.ErrorContains(t, events[0].Err, tt.told)
					assert.Equal(t, events[0].Count, uint64(3))
				}
				report := audited(t, next.sink.Bytes())
				assert.Equal(t, report.Verdict, tt.verdict, "%+v\n%s", report, next.sink.Bytes())
			})
		})
	}
}

func TestNumbersThatADeadProcessDivertedAreToldMissing(t *testing.T) {
	for _, lost := range []bool{false, true} {
		t.Run("lost "+strconv.FormatBool(lost), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				first := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
					keyed(r, d)
					d.RetryFor = -1
					r.sink.OnWrite = fault.At(2, fault.Fail(syscall.EIO))
					if lost {
						r.fallback.OnWrite = fault.Always(fault.Fail(syscall.EIO))
					}
				})
				first.log(1, 1)
				settle()
				first.log(2, 4)
				settle()                                            // the sink gets its next try, and the marker, a second later
				left, stream := copyDir(t, dir), first.sink.Bytes() // killed now
				aside := []byte(strings.Join(append(first.strays(), ""), "\n"))
				next := durableRig(t, left, keyed)
				next.log(5, 5)
				next.close()
				// It cannot know what the fallback has.
				marker := next.sink.Lines()[0]
				assert.Assert(t, strings.HasPrefix(marker, hydra.GapMessage+" unknown=3 "), "got %s", marker)
				stream = append(stream, next.sink.Bytes()...)
				report := audited(t, stream, aside)
				assert.Equal(t, report.Verdict, audit.Proven, "%+v\n%s\n%s", report, stream, aside)
				run := report.Runs[0]
				want := [...]uint64{4, 3, 3}
				if lost {
					want = [...]uint64{1, 3, 0}
				}
				assert.Equal(t, [...]uint64{run.Lines, run.Told, run.Found}, want, "lines, told, found")
				assert.Assert(t, run.Ended)
			})
		})
	}
}

func TestNumbersThatWereDamagedLastAreToldMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		first := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
			keyed(r, d)
			r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
		})
		for i := range 10 {
			first.log(1000+i, 1000+i)
			settle()
		}
		_ = first.Close(ended())
		file := filepath.Join(dir, files(t, dir)[0])
		image, err := os.ReadFile(file)
		assert.NilError(t, err)
		for _, record := range []string{"1008\n", "1009\n"} {
			at := bytes.LastIndex(image, []byte(record))
			assert.Assert(t, at > 0)
			image[at] ^= 0x10
		}
		assert.NilError(t, os.WriteFile(file, image, 0o600))
		next := durableRig(t, dir, keyed)
		next.close()
		report := audited(t, next.sink.Bytes())
		assert.Equal(t, report.Verdict, audit.Proven, "%+v\n%s", report, next.sink.Bytes())
		run := report.Runs[0]
		assert.Equal(t, [...]uint64{run.Lines, run.Told, run.Last}, [...]uint64{8, 2, 10}, "lines, told, last")
		assert.Equal(t, next.state().Durable.Damaged, uint64(2))
	})
}

func TestTheRunDoesNotEndBeforeWhatCloseLeavesToTheNextStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		first := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
			keyed(r, d)
			d.RetryFor = -1
			r.sink.OnWrite = fault.Steps(fault.Action{}, fault.Short(2, syscall.ENOSPC), fault.Stall(make(chan struct{})))
		})
		first.log(1, 1)
		settle()
		first.log(1111, 1111)
		time.Sleep(2 * time.Second) // the sink is given the rest, and has it
		first.log(2, 30)
		got := delivery(t, first.Close(ended()))
		assert.Equal(t, got.Spooled, uint64(30))

		next := durableRig(t, dir, keyed)
		settle()
		assert.Equal(t, next.state().Durable.Recovered, uint64(30))
		assert.Equal(t, next.state().Durable.Waiting, uint64(0))
		next.close()
		whole := bytes.LastIndexByte(first.sink.Bytes(), '\n') + 1 // the rest of it is torn, and comes once more
		stream := append(first.sink.Bytes()[:whole], next.sink.Bytes()...)
		report := audited(t, stream)
		assert.Equal(t, report.Verdict, audit.Proven, "%+v\n%s", report, stream)
		assert.Equal(t, report.Runs[0].Lines, uint64(31))
	})
}

func TestARecordThatIsTornAtCloseIsToldOfAndItsRunEnds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		audit   bool
		dropped bool // records behind it, and no marker told
	}{
		{"alone", false, false},
		{"alone, with a trail", true, false},
		{"with records dropped", false, true},
		{"with records dropped and a trail", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				set := func(r *rig, d *hydra.Destination) {
					if tt.audit {
						keyed(r, d)
					}
				}
				var release func()
				first := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
					set(r, d)
					d.RetryFor = -1
					release = hold(r, fault.Steps(fault.Short(2, syscall.ENOSPC)))
					if tt.dropped {
						r.fallback.OnWrite = fault.Always(fault.Fail(syscall.EIO))
					}
				})
				first.log(1, 1)
				settle()
				first.log(2222, 2222)
				if tt.dropped {
					first.log(2223, 2225)
				}
				release()
				settle()
				_ = first.Close(t.Context())
				assert.Equal(t, first.state().Spooled, uint64(1))
				next := durableRig(t, dir, set)
				next.log(3, 3)
				next.close()
				all := append(first.sink.Bytes(), next.sink.Bytes()...)
				assert.Equal(t, strings.Count(string(all), hydra.RecoveredMessage), 1, "%s", all)
				if !tt.audit {
					return
				}
				whole, torn := bytes.CutSuffix(first.sink.Bytes(), []byte("22")) // the sink is not Exact: it gets the record again
				assert.Assert(t, torn)
				report := audited(t, append(whole, next.sink.Bytes()...))
				assert.Equal(t, report.Verdict, audit.Proven, "%+v\n%s", report, all)
				assert.Equal(t, report.Runs[0].Lines, uint64(2))
				if tt.dropped {
					assert.Equal(t, report.Runs[0].Told, uint64(3))
				}
			})
		})
	}
}

func TestFault48NumbersThatWereDivertedAreToldMissingAlsoIfTheFlushBehindThemEndsTheWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := durableRig(t, shmDir(t), func(r *rig, d *hydra.Destination) {
			keyed(r, d)
			d.RetryFor = -1
			r.sink.OnWrite = fault.First(1, fault.Short(100, syscall.EIO))
			r.sink.OnFlush = fault.First(1, fault.Exit())
		})
		r.log(1, 10)
		time.Sleep(3 * time.Second) // the sink is tried again
		r.log(11, 20)
		r.close()
		report := audited(t, r.sink.Bytes())
		assert.Equal(t, report.Verdict, audit.Proven, "%+v\n%s", report, r.sink.Bytes())
		assert.Assert(t, report.Runs[0].Told > 0, "nothing was diverted")
	})
}

// A run whose stream has nothing but a gap marker, since all of its records were too
// long for the durable queue and went to the fallback without a number, has begun: Close
// ends it, and where its process is killed instead, so does who recovers it.
func TestARunOfNothingButAGapMarkerIsEndedByWhoRecoversIt(t *testing.T) {
	for name, with := range map[string]func(*rig, *hydra.Destination){
		"with a key": keyed,
		"without":    func(_ *rig, d *hydra.Destination) { d.Audit = &hydra.Audit{} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				first := durableRig(t, dir, with)
				assert.NilError(t, first.say(strings.Repeat("x", 4<<10))) // of 16 KiB
				settle()
				assert.Equal(t, first.state().Fallback, uint64(1))
				left, stream := copyDir(t, dir), first.sink.Bytes() // killed now
				assert.Equal(t, len(first.sink.Lines()), 1, "a gap marker: %q", stream)
				_ = first.Close(t.Context())
				assert.Assert(t, audited(t, first.sink.Bytes()).Runs[0].Ended, "where Close ends it")

				next := durableRig(t, left, with)
				next.log(1, 3)
				next.close()
				report := audited(t, append(stream, next.sink.Bytes()...))
				for _, run := range report.Runs {
					assert.Assert(t, run.Ended, "run %+v\n%s%s", run, stream, next.sink.Bytes())
				}
			})
		})
	}
}
