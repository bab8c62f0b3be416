#pragma once

// containerd-shim-gantry-v1: the process between containerd and one container. It is the parent of the container's
// processes, so that they outlive containerd; it carries out what containerd asks (service containerd.task.v2.Task over
// ttrpc on a Unix socket) by calling the OCI runtime, and tells it what happens.
//
//   start     a process that makes the socket, forks the server, prints the address and ends      start.h
//   server    stays as long as its container                                                       serve.h
//               bytes → frame.h → server.h → task_service.h → container.h → oci_runtime.h → children.h
//               what happens → publisher.h → event_queue.h → containerd
//   delete    a process that cleans up behind a server                                             remove.h
//
// One thread runs an event loop and owns all state; copying of output has a thread for each stream (copies.h). The
// protocol is containerd 1.6's runtime v2 (docs/runtime-v2.md there), which later versions still speak.
//
// What containerd's own shim (io.containerd.runc.v2) does and this one does not: several containers in one server,
// checkpoints, metrics, OOM events (Gantry reads the cgroup), logging binaries, core scheduling.
