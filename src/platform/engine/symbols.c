/* Finds DuckDB's functions in libduckdb.so. */
#include "platform/engine/symbols.h"

#include <dlfcn.h>
#include <string.h>

#include "base/arena.h"

/* DuckDB's thousands of names are found in DuckDB first, instead of last behind every library of this program, and its
 * functions when they are first called: a worker starts 20 ms sooner. Sanitizers have to come first everywhere. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
#define ENGINE_BINDING (RTLD_LAZY | RTLD_LOCAL)
#else
#define ENGINE_BINDING (RTLD_LAZY | RTLD_LOCAL | RTLD_DEEPBIND)
#endif

struct engine_symbols engine_db;

static bool engine_symbol_find(void *library, const char *name, void *slot, struct err *err)
{
    void *address = dlsym(library, name);
    if (!address) {
        err_set(err, ERR_UNAVAILABLE, "libduckdb.so has no %s", name);
        return err_hint(err, "install the libduckdb.so that came with this program");
    }
    memcpy(slot, &address, sizeof(address));
    return true;
}

bool engine_symbols_load(struct str path, struct err *err)
{
    if (engine_db.library_version)
        return true;
    AUTO(arena) struct arena *arena = arena_new();
    void *library = dlopen(str_cstr(arena, path), ENGINE_BINDING);
    if (!library) {
        err_set(err, ERR_UNAVAILABLE, "cannot load DuckDB: %s", dlerror());
        return err_hint(err, "libduckdb.so belongs in lib/eider beside the program");
    }
    struct engine_symbols symbols;
#define ENGINE_SYMBOL_FIND(name)                                           \
    if (!engine_symbol_find(library, "duckdb_" #name, &symbols.name, err)) \
        return false;
    ENGINE_SYMBOLS(ENGINE_SYMBOL_FIND)
#undef ENGINE_SYMBOL_FIND
    engine_db = symbols;
    return true;
}
