#include "base/nearest.h"

/* Levenshtein distance of short names, without case. */
static size_t nearest_distance(struct str a, struct str b)
{
    size_t row[NEAREST_NAME_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t cost = str_equal_nocase(str_slice(a, i - 1, 1), str_slice(b, j - 1, 1)) ? 0 : 1;
            size_t best = diagonal + cost;
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.len];
}

const char *nearest_name(struct str name, const char *const *known)
{
    const char *nearest = NULL;
    if (name.len > NEAREST_NAME_MAX)
        return NULL;
    size_t best = name.len / 2 + 1; /* farther than that is another word */
    for (size_t i = 0; known[i]; i++) {
        struct str candidate = str_from(known[i]);
        size_t distance = candidate.len > NEAREST_NAME_MAX ? best : nearest_distance(name, candidate);
        if (distance < best) {
            best = distance;
            nearest = known[i];
        }
    }
    return nearest;
}
