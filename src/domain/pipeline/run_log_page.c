/* A page of a log: first the numbers of its lines are found, in windows of the index (and of the lines, where their
 * texts decide), from the end or from the start; then their texts are read, neighbours at once. */
#include <string.h>

#include "base/vec.h"
#include "domain/pipeline/run_log_file_priv.h"
#include "domain/pipeline/run_log_text.h"

#define RUN_LOG_PAGE_RECORDS 8192 /* of the index at once */
#define RUN_LOG_PAGE_WINDOW (512u << 10)
#define RUN_LOG_PAGE_GAP 4096 /* what lies between two lines is read along up to here */

struct run_log_found {
    uint64_t number;
    struct run_log_record record;
};

struct run_log_scan {
    const struct run_log_file *file;
    const struct run_log_filter *filter;
    bool backward;
    struct str needle; /* lower case; empty: none */
    size_t bytes;      /* texts of what was found */
    VEC(struct run_log_found) found;
    bool more;
    uint8_t *records;
    /* A window of the lines, and where the needle is in it: going backward the last place that ends at bound or before
     * it, forward the first at bound or behind it; -1: there is none. */
    uint8_t *window; /* NULL: not needed yet */
    uint64_t window_start;
    size_t window_len;
    size_t bound;
    ptrdiff_t hit;
};

static void run_log_scan_search(struct run_log_scan *scan, size_t bound)
{
    struct str text = str_bytes(scan->window, scan->window_len);
    scan->bound = bound;
    if (scan->backward) {
        scan->hit = run_log_text_find_last(str_slice(text, 0, bound), scan->needle);
    } else {
        ptrdiff_t at = run_log_text_find_first(str_from_index(text, bound), scan->needle);
        scan->hit = at < 0 ? -1 : at + (ptrdiff_t)bound;
    }
}

/* Brings the line into the window, with those that will be asked for next. */
static bool run_log_scan_load(struct run_log_scan *scan, const struct run_log_record *record, struct err *err)
{
    uint64_t start = record->offset, end = record->offset + record->len;
    if (scan->window && start >= scan->window_start && end <= scan->window_start + scan->window_len)
        return true;
    if (!scan->window)
        scan->window = mem_alloc(RUN_LOG_PAGE_WINDOW + RUN_LOG_LINE_MAX);
    if (scan->backward && end - start < RUN_LOG_PAGE_WINDOW)
        start = end > RUN_LOG_PAGE_WINDOW ? end - RUN_LOG_PAGE_WINDOW : 0;
    else if (!scan->backward && end - start < RUN_LOG_PAGE_WINDOW)
        end = start + RUN_LOG_PAGE_WINDOW < scan->file->size ? start + RUN_LOG_PAGE_WINDOW : scan->file->size;
    scan->window_start = start;
    scan->window_len = (size_t)(end - start);
    if (!run_log_file_pread(scan->file->lines, scan->window, scan->window_len, start, err))
        return false;
    run_log_scan_search(scan, scan->backward ? scan->window_len : 0);
    return true;
}

/* Whether the line's text has the needle. */
static bool run_log_scan_contains(struct run_log_scan *scan, const struct run_log_record *record, bool *contains_out,
                                  struct err *err)
{
    if (!run_log_scan_load(scan, record, err))
        return false;
    size_t start = (size_t)(record->offset - scan->window_start), end = start + record->len, len = scan->needle.len;
    const void *tab = memchr(scan->window + start, '\t', record->len);
    size_t text = tab ? (size_t)((const uint8_t *)tab - scan->window) + 1 : start;
    if (scan->backward && (end > scan->bound || (scan->hit >= 0 && (size_t)scan->hit + len > end)))
        run_log_scan_search(scan, end);
    else if (!scan->backward && (text < scan->bound || (scan->hit >= 0 && (size_t)scan->hit < text)))
        run_log_scan_search(scan, text);
    *contains_out = scan->hit >= (ptrdiff_t)text && (size_t)scan->hit + len <= end;
    return true;
}

/* Looks at one record; *full_out: the page has all that it may have. */
static bool run_log_scan_record(struct run_log_scan *scan, uint64_t number, const uint8_t *bytes, bool *full_out,
                                struct err *err)
{
    const struct run_log_filter *filter = scan->filter;
    struct run_log_record record;
    bool contains = true;
    if (bytes[RUN_LOG_RECORD_LEVEL] < filter->level)
        return true;
    run_log_record_peek(bytes, &record);
    if ((filter->step != RUN_LOG_NO_STEP && record.step != filter->step) ||
        !run_log_record_fits(&record, scan->file->size))
        return true;
    if (scan->needle.len > 0 && !run_log_scan_contains(scan, &record, &contains, err))
        return false;
    if (!contains || !run_log_record_is_good(bytes))
        return true; /* damaged: the others are good all the same */
    if (scan->found.count == filter->limit ||
        (scan->found.count > 0 && scan->bytes + record.len > (filter->bytes ? filter->bytes : RUN_LOG_PAGE_BYTES))) {
        scan->more = *full_out = true;
        return true;
    }
    scan->bytes += record.len;
    vec_push(&scan->found, ((struct run_log_found){number, record}));
    return true;
}

static bool run_log_scan_run(struct run_log_scan *scan, struct err *err)
{
    const struct run_log_filter *filter = scan->filter;
    uint64_t count = scan->file->count;
    uint64_t end = scan->backward && filter->before - 1 < count ? filter->before - 1 : count; /* last number wanted */
    uint64_t next = scan->backward ? end : filter->after; /* numbers up to it: backward to do, forward done */
    bool full = false;
    while (!full && (scan->backward ? next > 0 : next < end)) {
        uint64_t left = scan->backward ? next : end - next;
        size_t part = left < RUN_LOG_PAGE_RECORDS ? (size_t)left : RUN_LOG_PAGE_RECORDS;
        uint64_t before = scan->backward ? next - part : next; /* numbers before + 1 to before + part */
        if (!run_log_file_pread(scan->file->index, scan->records, part * RUN_LOG_RECORD_SIZE,
                                before * RUN_LOG_RECORD_SIZE, err))
            return false;
        for (size_t i = 0; i < part && !full; i++) {
            size_t at = scan->backward ? part - 1 - i : i;
            if (!run_log_scan_record(scan, before + at + 1, scan->records + at * RUN_LOG_RECORD_SIZE, &full, err))
                return false;
        }
        next = scan->backward ? before : before + part;
    }
    return true;
}

static struct run_log_line run_log_page_line(const struct run_log_found *found, struct str line)
{
    ptrdiff_t tab = str_find_char(line, '\t');
    return (struct run_log_line){
        .number = found->number,
        .at_us = found->record.at_us,
        .level = found->record.level,
        .step = found->record.step,
        .attempt = found->record.attempt,
        .asset = tab < 0 ? S("") : str_slice(line, 0, (size_t)tab),
        .text = tab < 0 ? line : str_from_index(line, (size_t)tab + 1),
    };
}

/* Texts of items (ascending) into the arena, neighbours by one read. */
static bool run_log_page_fill(const struct run_log_scan *scan, const struct run_log_found *items, size_t count,
                              struct arena *arena, struct run_log_page *page, struct err *err)
{
    for (size_t i = 0, j; i < count; i = j) {
        uint64_t start = items[i].record.offset, end = start + items[i].record.len;
        for (j = i + 1; j < count; j++) {
            const struct run_log_record *next = &items[j].record;
            if (next->offset < end || next->offset - end > RUN_LOG_PAGE_GAP)
                break;
            end = next->offset + next->len;
        }
        char *bytes = arena_alloc(arena, (size_t)(end - start) + 1);
        if (!run_log_file_pread(scan->file->lines, bytes, (size_t)(end - start), start, err))
            return false;
        for (size_t k = i; k < j; k++)
            page->lines[page->count++] =
                run_log_page_line(&items[k], str_bytes(bytes + (items[k].record.offset - start), items[k].record.len));
    }
    return true;
}

bool run_log_file_read(const struct run_log_file *file, const struct run_log_filter *filter, struct arena *arena,
                       struct run_log_page *page_out, struct err *err)
{
    struct run_log_scan scan = {
        .file = file, .filter = filter, .backward = filter->before > 0, .needle = str_lower(arena, filter->text)};
    struct run_log_page page = {0};
    if (scan.needle.len > RUN_LOG_LINE_MAX || str_find_char(scan.needle, '\n') >= 0) { /* no line has it */
        *page_out = page;
        return true;
    }
    scan.records = mem_alloc((size_t)RUN_LOG_PAGE_RECORDS * RUN_LOG_RECORD_SIZE);
    bool ok = run_log_scan_run(&scan, err);
    if (ok && scan.found.count > 0) {
        page.lines = arena_array(arena, scan.found.count, sizeof(*page.lines));
        page.more = scan.more;
        for (size_t i = 0, j = scan.found.count - 1; scan.backward && i < j; i++, j--) {
            struct run_log_found swap = scan.found.items[i];
            scan.found.items[i] = scan.found.items[j];
            scan.found.items[j] = swap;
        }
        ok = run_log_page_fill(&scan, scan.found.items, scan.found.count, arena, &page, err);
    }
    vec_done(&scan.found);
    mem_free(scan.records);
    mem_free(scan.window);
    if (ok)
        *page_out = page;
    return ok;
}
