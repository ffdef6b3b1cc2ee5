/* What a worker may still do once it runs other people's SQL: no new privileges, no core files, bounded address space
 * and file size, its own files only, no network (Landlock). One-way. Call it while the process has one thread: Landlock
 * binds threads, and later ones inherit. */
#pragma once
#include "platform/channel/frame.h"

/* landlock_abi_out: 0 where the kernel has no Landlock; then the rest still holds. */
bool worker_confine(const struct channel_hello *hello, uint32_t *landlock_abi_out, struct err *err) MUST_USE;

/* For a program of a pipeline: no core files, so many bytes of addresses and processes of this user; 0: not bounded. */
bool worker_limit_command(uint64_t memory_bytes, uint64_t processes, struct err *err) MUST_USE;
