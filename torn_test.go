// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

func TestTornRecordStaysWithItsSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.RetryFor = -1
			release = hold(r, fault.Steps(
				fault.Short(len("11\n2"), syscall.ENOSPC), // 22 is torn
				fault.Short(1, syscall.ENOSPC),            // its rest, a second later
				fault.Fail(syscall.ENOSPC),
			))
		})
		r.log(10, 10)
		settle()
		r.log(11, 11)
		r.log(22, 23)
		release()
		time.Sleep(10 * time.Millisecond)
		r.log(24, 25)
		time.Sleep(1500 * time.Millisecond)
		assert.Equal(t, r.state().Pending, uint64(1), "the torn record")
		assert.DeepEqual(t, r.strays(), numbers(23, 25))
		time.Sleep(5 * time.Second)
		assert.Equal(t, string(r.sink.Bytes()), "10\n11\n22\n"+gap(0, 0, 3)[0]+"\n")
		assert.Equal(t, r.state().Bytes, uint64(len(r.sink.Bytes())))
		r.log(26, 26)
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), join(numbers(10, 11), numbers(22, 22), gap(0, 0, 3), numbers(26, 26)))
		assert.DeepEqual(t, r.strays(), numbers(23, 25))
		r.wantAccount(4, 3, 0, 0)
	})
}

func TestCloseBringsTheTornRecordWholeToTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.RetryFor = -1
			r.sink.OnWrite = fault.Steps(fault.Short(2, syscall.ENOSPC), fault.Fail(syscall.EIO), fault.Fail(syscall.EIO))
		})
		r.log(1234, 1234)
		time.Sleep(1500 * time.Millisecond)
		got := delivery(t, r.Close(t.Context()))
		assert.Equal(t, got.Fallback, uint64(1))
		assert.Equal(t, string(r.sink.Bytes()), "12")
		assert.DeepEqual(t, r.strays(), numbers(1234, 1234))
		r.wantAccount(0, 1, 0, 0)
	})
}

func TestFlushLearnsOfATornRecordThatCloseGaveAway(t *testing.T) {
	for _, script := range []fault.Script{nil, fault.From(2, fault.Fail(syscall.EIO))} { // the first write is news
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
				d.RetryFor = -1
				r.sink.OnWrite = fault.Steps(fault.Short(2, syscall.ENOSPC))
				r.fallback.OnWrite = script
			})
			r.log(1234, 1234)
			settle()
			flushed := make(chan error)
			go func() { flushed <- r.Flush(t.Context()) }()
			synctest.Wait()
			want := hydra.Delivery{Destination: "d", Fallback: 1, Err: syscall.ENOSPC}
			if script != nil {
				want = hydra.Delivery{Destination: "d", Dropped: 1}
			}
			closed := delivery(t, r.Close(t.Context()))
			assert.Equal(t, closed, want)
			assert.Equal(t, delivery(t, <-flushed), want)
			r.wantAccount(0, want.Fallback, want.Dropped, 0)
		})
	}
}

func TestTornRecordThatTheSinkTakesWithAnErrorIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.RetryFor = -1
			r.sink.OnWrite = fault.Steps(fault.Short(2, syscall.ENOSPC), fault.Short(3, syscall.EIO))
		})
		r.log(1234, 1234)
		time.Sleep(5 * time.Second)
		r.wantAccount(1, 0, 0, 0)
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), numbers(1234, 1234))
		assert.Equal(t, r.sink.Count(fault.Write), 2)
	})
}

func TestTornGapMarkerIsNotWrittenElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.RetryFor = -1
			r.sink.OnWrite = fault.Steps(fault.Fail(syscall.EIO), fault.Short(5, syscall.EIO))
		})
		r.log(1, 1) // to the fallback
		synctest.Wait()
		time.Sleep(1200 * time.Millisecond) // a torn marker
		assert.Equal(t, string(r.sink.Bytes()), "hydra")
		time.Sleep(time.Second)
		r.log(2, 2)
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), join(gap(0, 0, 1), numbers(2, 2)))
		assert.DeepEqual(t, r.strays(), numbers(1, 1))
		r.wantAccount(1, 1, 0, 0)
		assert.Equal(t, r.state().GapMarkers, uint64(1))
	})
}

func TestGapMarkerThatTheSinkRefusedIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.RetryFor = -1
			d.Queue.Records = 4
			release = hold(r, fault.First(1, fault.Fail(syscall.EIO)))
		})
		r.log(1, 1)
		settle()
		r.log(2, 8) // drops 2, 3, 4
		release()
		time.Sleep(2 * time.Second)
		r.log(9, 9)
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), join(numbers(1, 1), gap(3, 0, 4), numbers(9, 9)))
		assert.DeepEqual(t, r.strays(), numbers(5, 8))
		r.wantAccount(2, 4, 3, 0)
		lost := uint64(0)
		for _, e := range r.seen(hydra.EventDropped) {
			lost += e.Count
		}
		assert.Equal(t, lost, uint64(3))
	})
}
