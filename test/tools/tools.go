// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package tools pins the test clients that are built from their modules.
package tools

import (
	_ "sigs.k8s.io/cri-tools/cmd/crictl"
	_ "sigs.k8s.io/cri-tools/cmd/critest"
)
