// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"os"
	"os/signal"
	"sync"
)

// OnHangup calls Reopen of the sinks whenever the process gets SIGHUP, as from
// logrotate, until stop is called. stop waits until that has ended; it may be
// called more than once. What fails shows in Stats. Only unix systems send SIGHUP.
func OnHangup(sinks ...*Sink) (stop func()) {
	hangups := make(chan os.Signal, 1)
	if hangup != nil { // no signal means all of them
		signal.Notify(hangups, hangup)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() { // stop stops it and waits
		defer close(done)
		for {
			select {
			case <-hangups:
				for _, s := range sinks {
					_ = s.Reopen() // counted, and tried again
				}
			case <-quit:
				return
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() {
			signal.Stop(hangups)
			close(quit)
		})
		<-done
	}
}
