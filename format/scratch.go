// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"bytes"
	"encoding/json"
	"sync"
)

// scratch is what an encoder borrows when a record asks for more than its plain
// kinds.
type scratch struct {
	prefix []byte
	groups []string
	keys   []string // of maps that are being sorted, innermost last
	text   []byte
	json   bytes.Buffer
	enc    *json.Encoder // into json
}

var scratches = sync.Pool{New: func() any {
	x := &scratch{groups: make([]string, 0, 8)}
	x.enc = json.NewEncoder(&x.json)
	x.enc.SetEscapeHTML(false)
	return x
}}

// scratch returns the scratch of e. The encoder owns it until it is released.
func (e *encoder) scratch() *scratch {
	if e.x == nil {
		e.x = scratches.Get().(*scratch)
	}
	return e.x
}

// release gives x back, unless a large record has made it large.
func (x *scratch) release() {
	x.dropKeys(0) // an error leaves some
	const most = 16 << 10
	if x.json.Cap() > most || cap(x.text) > most || cap(x.prefix) > most || cap(x.keys) > most/16 {
		return
	}
	x.json.Reset()
	scratches.Put(x)
}
