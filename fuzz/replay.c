/* Runs a fuzz target over every file of its corpus, so that each input that ever broke it is a test for ever.
 *   replay DIRECTORY...     a directory that is missing or empty is an error: a target without seeds tests nothing */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_SIZE = 4096 };

/* The bytes are a heap block of exactly their size, so that AddressSanitizer sees a read one past the end. */
static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        return false;
    }
    long size = ftell(file);
    rewind(file);
    uint8_t *data = mem_alloc(size > 0 ? (size_t)size : 1);
    bool read = size >= 0 && fread(data, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    if (read)
        LLVMFuzzerTestOneInput(data, (size_t)size);
    else
        fprintf(stderr, "%s: cannot be read\n", path);
    mem_free(data);
    return read;
}

static bool replay_directory(const char *directory)
{
    DIR *entries = opendir(directory);
    if (!entries) {
        perror(directory);
        return false;
    }
    bool ok = true;
    int count = 0;
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (entry->d_name[0] == '.')
            continue;
        char path[PATH_SIZE];
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        ok = replay_file(path) && ok;
        count++;
    }
    closedir(entries);
    printf("%d inputs from %s\n", count, directory);
    return ok && count > 0;
}

int main(int argc, char **argv)
{
    bool ok = argc > 1;
    for (int i = 1; i < argc; i++)
        ok = replay_directory(argv[i]) && ok;
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
