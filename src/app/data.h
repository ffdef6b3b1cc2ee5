/* The data directory of a running server: there, private, and held by one server at a time. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct data {
    struct str path;     /* absolute */
    int lock_fd;         /* -1: not held */
    struct str pid_file; /* removed with the lock; empty: none */
};

/* Creates the directory (0700) when it is missing, and takes its lock. ERR_PRECONDITION names the server that has it.
 */
bool data_open(struct arena *arena, struct str path, struct data *data_out, struct err *err) MUST_USE;

/* Tells commands on this machine where the server listens, and which certificate it has (empty without TLS): the two
 * lines of the file eider.addr, whole or not at all. */
bool data_publish(const struct data *data, struct str url, struct str fingerprint, struct err *err) MUST_USE;

/* Writes number and start of this process into a file, for whoever wants to stop it. */
bool data_write_process(struct data *data, struct arena *arena, struct str path, struct err *err) MUST_USE;

/* Takes the address and the file with the process away and gives the lock up. */
void data_close(struct data *data);
