/* Shared by the files of run_log_file. */
#pragma once
#include "domain/pipeline/run_log_file.h"

/* All of len bytes; ERR_DATA_LOSS when the file ends before. */
bool run_log_file_pread(int fd, void *bytes_out, size_t len, uint64_t offset, struct err *err) MUST_USE;
