/* A log whose files hold anything: a page is read, or refused, and never has a line that was not asked for. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "domain/pipeline/run_log_file.h"
#include "domain/pipeline/run_log_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(int fd, const uint8_t *data, size_t size)
{
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
}

/* Inputs: flags (backward, sums are put right, level), step, where the index ends (in records); index; lines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run_log_file file = {.lines = -1};
    if (file.lines < 0) {
        file.lines = memfd_create("lines", MFD_CLOEXEC);
        file.index = memfd_create("index", MFD_CLOEXEC);
    }
    if (size < 3)
        return 0;
    uint8_t flags = data[0], step = data[1];
    size_t index_size = (size_t)data[2] * RUN_LOG_RECORD_SIZE;
    data += 3;
    size -= 3;
    if (index_size > size)
        index_size = size;
    put(file.index, data, index_size);
    put(file.lines, data + index_size, size - index_size);
    for (size_t i = 0; (flags & 2) && i + RUN_LOG_RECORD_SIZE <= index_size; i += RUN_LOG_RECORD_SIZE) {
        struct run_log_record record = {.offset = data[i],
                                        .len = data[i + 1] + (uint32_t)((data[i + 2] & 15) << 8),
                                        .step = data[i + 3],
                                        .level = data[i + 4] & 3};
        uint8_t bytes[RUN_LOG_RECORD_SIZE];
        run_log_record_encode(&record, bytes);
        if (pwrite(file.index, bytes, sizeof(bytes), (off_t)i) != (ssize_t)sizeof(bytes))
            abort();
    }

    AUTO(arena) struct arena *arena = arena_new();
    struct err err;
    struct run_log_page page;
    struct run_log_filter filter = {.before = flags & 1 ? UINT64_MAX : 0,
                                    .limit = 50,
                                    .level = (flags >> 2) & 3,
                                    .step = step & 1 ? step : RUN_LOG_NO_STEP,
                                    .text = flags & 16 ? S("ab") : S("")};
    if (!run_log_file_measure(&file, &err) || !run_log_file_read(&file, &filter, arena, &page, &err))
        return 0;
    for (size_t i = 0; i < page.count; i++) {
        const struct run_log_line *line = &page.lines[i];
        if (line->number == 0 || line->number > file.count || (i > 0 && line->number <= page.lines[i - 1].number) ||
            line->level < filter.level || (filter.step != RUN_LOG_NO_STEP && line->step != filter.step) ||
            (filter.text.len && run_log_text_find_first(line->text, filter.text) < 0))
            abort();
    }
    return 0;
}
