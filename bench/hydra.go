// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !hydra

package bench

var hydraStacks []Stack
