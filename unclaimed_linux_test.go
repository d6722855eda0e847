// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"io"
	"testing"

	"gotest.tools/v3/assert"
)

func TestAFolderIsOneHoweverItIsSpelled(t *testing.T) {
	home := memoryDir(t)
	t.Setenv("XDG_RUNTIME_DIR", home)
	layer := Layer{}
	for name, dir := range map[string]string{
		"default": "", "in full": home + "/hydra", "trailing slash": home + "/hydra/", "detour": home + "/./other/../hydra",
	} {
		layer.Destinations = append(layer.Destinations, Destination{Name: name, Sink: Writer(io.Discard), Durable: &Durable{Dir: dir}})
	}
	var check checker
	c := newCore(Config{Fallback: io.Discard, Layers: map[string]Layer{"default": layer}}, &check)
	defer c.endLife()
	assert.Equal(t, len(check.mistakes), 0)
	c.appointTellers()
	assert.Equal(t, len(c.destinations[0].claimed), 4, "nobody tells of the files of another")
	for _, d := range c.destinations[1:] {
		assert.Equal(t, len(d.claimed), 0)
	}
}
