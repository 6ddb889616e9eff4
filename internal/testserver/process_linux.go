package testserver

import (
	"os/exec"
	"syscall"
)

// childOfThisProcess makes a server end with the test binary, however that ends.
func childOfThisProcess(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
