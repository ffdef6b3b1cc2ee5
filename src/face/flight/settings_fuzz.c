/* Session options: what was read and written again reads the same. */
#include "face/flight/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct flight_settings settings, again;
    struct err err;
    if (!flight_settings_decode(str_bytes(data, size), &settings, &err))
        return 0;
    AUTO(buf) struct buf bytes = {0};
    for (size_t i = 0; i < settings.count; i++)
        flight_settings_encode_item(&bytes, &settings.items[i]);
    if (!flight_settings_decode(buf_str(&bytes), &again, &err) || again.count != settings.count)
        mem_panic("fuzz: settings do not survive their own encoding");
    for (size_t i = 0; i < settings.count; i++) {
        if (again.items[i].kind != settings.items[i].kind || !str_equal(again.items[i].name, settings.items[i].name))
            mem_panic("fuzz: a setting has changed");
    }
    return 0;
}
