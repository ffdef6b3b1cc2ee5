/* XML by expat. */
#include "platform/object/xml.h"

#include <expat.h>
#include <limits.h>

#include "base/buf.h"

#define XML_DEPTH_MAX 16
#define XML_TEXT_MAX ((size_t)1 << 20)
#define XML_PATH_MAX 1024

struct xml {
    XML_Parser parser;
    object_xml_element *element;
    void *owner;
    struct buf path;
    struct buf text; /* of all open elements, one behind the other */
    size_t path_at[XML_DEPTH_MAX], text_at[XML_DEPTH_MAX];
    size_t depth;
    const char *why; /* refused by us */
};

static void xml_refuse(struct xml *xml, const char *why)
{
    if (!xml->why)
        xml->why = why;
    (void)XML_StopParser(xml->parser, XML_FALSE);
}

static void xml_on_start(void *owner, const XML_Char *name, const XML_Char **attributes)
{
    struct xml *xml = owner;
    (void)attributes;
    struct str local = str_from(name);
    ptrdiff_t colon = str_find_char(local, ':');
    local = str_from_index(local, (size_t)(colon + 1));
    if (xml->depth == XML_DEPTH_MAX || buf_len(&xml->path) + local.len >= XML_PATH_MAX) {
        xml_refuse(xml, "it is nested too deep");
        return;
    }
    xml->path_at[xml->depth] = buf_len(&xml->path);
    xml->text_at[xml->depth] = buf_len(&xml->text);
    xml->depth++;
    if (xml->depth > 1)
        buf_append_char(&xml->path, '/');
    buf_append_str(&xml->path, local);
}

static void xml_on_end(void *owner, const XML_Char *name)
{
    struct xml *xml = owner;
    (void)name;
    if (xml->why)
        return;
    xml->depth--;
    size_t start = xml->text_at[xml->depth];
    xml->element(xml->owner, buf_str(&xml->path), str_from_index(buf_str(&xml->text), start));
    xml->text.end = xml->text.start + start;
    xml->path.end = xml->path.start + xml->path_at[xml->depth];
}

static void xml_on_text(void *owner, const XML_Char *text, int len)
{
    struct xml *xml = owner;
    if (buf_len(&xml->text) + (size_t)len > XML_TEXT_MAX)
        xml_refuse(xml, "a text is too long");
    else
        buf_append(&xml->text, text, (size_t)len);
}

/* Before any entity could be declared. */
static void xml_on_doctype(void *owner, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                           int has_subset)
{
    struct xml *xml = owner;
    (void)name, (void)system, (void)public, (void)has_subset;
    xml_refuse(xml, "it has a document type");
}

bool object_xml_parse(struct str document, object_xml_element *element, void *owner, struct err *err)
{
    struct xml xml = {.parser = XML_ParserCreate("UTF-8"), .element = element, .owner = owner};
    if (!xml.parser)
        mem_panic("no memory for a parser of XML");
    XML_SetUserData(xml.parser, &xml);
    XML_SetElementHandler(xml.parser, xml_on_start, xml_on_end);
    XML_SetCharacterDataHandler(xml.parser, xml_on_text);
    XML_SetStartDoctypeDeclHandler(xml.parser, xml_on_doctype);
    bool ok = document.len <= INT_MAX &&
              XML_Parse(xml.parser, document.ptr, (int)document.len, XML_TRUE) == XML_STATUS_OK && !xml.why;
    if (!ok)
        (void)err_set(err, ERR_INVALID, "the store's answer is no XML of S3: %s",
                      xml.why ? xml.why : XML_ErrorString(XML_GetErrorCode(xml.parser)));
    XML_ParserFree(xml.parser);
    buf_done(&xml.path);
    buf_done(&xml.text);
    return ok;
}
