/* Cells, escapes, and numbers for people. */
#include "cli/text.h"

#include <assert.h>

struct range {
    uint32_t first, last;
};

/* Unicode 15: general categories Mn, Me and Cf that appear in practice. Sorted. */
static const struct range zero_ranges[] = {
    {0x0300, 0x036F},   {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2}, {0x05C4, 0x05C5},
    {0x0610, 0x061A},   {0x064B, 0x065F}, {0x0670, 0x0670}, {0x06D6, 0x06DC}, {0x06DF, 0x06E4}, {0x06E7, 0x06E8},
    {0x06EA, 0x06ED},   {0x0900, 0x0902}, {0x093A, 0x093A}, {0x093C, 0x093C}, {0x0941, 0x0948}, {0x094D, 0x094D},
    {0x0E31, 0x0E31},   {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1ACE}, {0x1DC0, 0x1DFF}, {0x200B, 0x200D},
    {0x2060, 0x2064},   {0x20D0, 0x20F0}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0x1F3FB, 0x1F3FF},
    {0xE0100, 0xE01EF},
};

/* East Asian Width W and F, and emoji that are wide by default. Sorted. */
static const struct range wide_ranges[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},   {0x23F0, 0x23F0},
    {0x23F3, 0x23F3},   {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267F, 0x267F},
    {0x2693, 0x2693},   {0x26A1, 0x26A1},   {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x26C4, 0x26C5},
    {0x26CE, 0x26CE},   {0x26D4, 0x26D4},   {0x26EA, 0x26EA},   {0x26F2, 0x26F3},   {0x26F5, 0x26F5},
    {0x26FA, 0x26FA},   {0x26FD, 0x26FD},   {0x2705, 0x2705},   {0x270A, 0x270B},   {0x2728, 0x2728},
    {0x274C, 0x274C},   {0x274E, 0x274E},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27B0, 0x27B0},   {0x27BF, 0x27BF},   {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2B55, 0x2B55},
    {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0xA4CF},   {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF}, {0x1AFF0, 0x1B2FF}, {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF},
    {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F320}, {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C},
    {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA}, {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0}, {0x1F3F4, 0x1F3F4},
    {0x1F3F8, 0x1F43E}, {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D}, {0x1F54B, 0x1F54E},
    {0x1F550, 0x1F567}, {0x1F57A, 0x1F57A}, {0x1F595, 0x1F596}, {0x1F5A4, 0x1F5A4}, {0x1F5FB, 0x1F64F},
    {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC}, {0x1F6D0, 0x1F6D2}, {0x1F6D5, 0x1F6D7}, {0x1F6DC, 0x1F6DF},
    {0x1F6EB, 0x1F6EC}, {0x1F6F4, 0x1F6FC}, {0x1F7E0, 0x1F7EB}, {0x1F90C, 0x1F93A}, {0x1F93C, 0x1F945},
    {0x1F947, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

static bool in_ranges(uint32_t point, const struct range *ranges, size_t count)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (point > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && point >= ranges[low].first;
}
#define IN_RANGES(point, ranges) in_ranges((point), (ranges), sizeof(ranges) / sizeof((ranges)[0]))

/* The code point at the front and its length in bytes; a byte that starts none counts as U+FFFD of length 1. */
static uint32_t decode(struct str text, size_t *len_out)
{
    const uint8_t *bytes = (const uint8_t *)text.ptr;
    size_t len = bytes[0] < 0x80 ? 1 : bytes[0] >= 0xF0 ? 4 : bytes[0] >= 0xE0 ? 3 : 2;
    if (len == 1) {
        *len_out = 1;
        return bytes[0];
    }
    if (len > text.len || !str_is_utf8(bytes, len)) {
        *len_out = 1;
        return 0xFFFD;
    }
    uint32_t point = bytes[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        point = point << 6 | (bytes[i] & 0x3Fu);
    *len_out = len;
    return point;
}

static size_t point_width(uint32_t point)
{
    if (point < 0x300)
        return 1;
    if (IN_RANGES(point, zero_ranges))
        return 0;
    return IN_RANGES(point, wide_ranges) ? 2 : 1;
}

/* C0, DEL, C1, line and paragraph separators, and what changes the direction of the text around it. */
static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x200E && point <= 0x200F) ||
           (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

static void append_escape(struct buf *out, uint32_t point)
{
    if (point == '\n')
        buf_append_str(out, S("\\n"));
    else if (point == '\t')
        buf_append_str(out, S("\\t"));
    else if (point == '\r')
        buf_append_str(out, S("\\r"));
    else
        buf_printf(out, point < 0x100 ? "\\x%02X" : "\\u%04X", point);
}

void cli_text_clean(struct buf *out, struct str text)
{
    size_t start = 0;
    for (size_t i = 0, len; i < text.len; i += len) {
        uint32_t point = decode(str_from_index(text, i), &len);
        bool broken = point == 0xFFFD && len == 1;
        if (!broken && !is_control(point))
            continue;
        buf_append(out, text.ptr + start, i - start);
        start = i + len;
        if (broken)
            buf_append_str(out, S("\xEF\xBF\xBD"));
        else
            append_escape(out, point);
    }
    if (text.len > start)
        buf_append(out, text.ptr + start, text.len - start);
}

struct str cli_text_cut(struct str clean, size_t cells, size_t *width_out)
{
    size_t width = 0, i = 0;
    for (size_t len; i < clean.len; i += len) {
        size_t more = point_width(decode(str_from_index(clean, i), &len));
        if (width + more > cells)
            break;
        width += more;
    }
    *width_out = width;
    return str_slice(clean, 0, i);
}

size_t cli_text_width(struct str clean)
{
    size_t width;
    (void)cli_text_cut(clean, SIZE_MAX, &width);
    return width;
}

void cli_text_number(struct buf *out, uint64_t number)
{
    if (number >= 1000) {
        cli_text_number(out, number / 1000);
        buf_printf(out, ",%03u", (unsigned)(number % 1000));
    } else {
        buf_printf(out, "%u", (unsigned)number);
    }
}

void cli_text_bytes(struct buf *out, double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    while (bytes >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1000;
        unit++;
    }
    assert(unit < sizeof(units) / sizeof(units[0]));
    buf_printf(out, unit == 0 || bytes >= 99.95 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

void cli_text_duration(struct buf *out, int64_t duration_us)
{
    if (duration_us < 1000)
        buf_printf(out, "%d µs", (int)duration_us);
    else if (duration_us < 1000000)
        buf_printf(out, "%d ms", (int)(duration_us / 1000));
    else if (duration_us < 60000000)
        buf_printf(out, "%.2f s", (double)duration_us / 1e6);
    else if (duration_us < INT64_C(3600000000))
        buf_printf(out, "%d min %d s", (int)(duration_us / 60000000), (int)(duration_us / 1000000 % 60));
    else
        buf_printf(out, "%d h %d min", (int)(duration_us / INT64_C(3600000000)), (int)(duration_us / 60000000 % 60));
}
