#include "replication/leaves.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

/* Pages are aligned to their size, so a leaf's address tells its page. */
#define PAGE_SIZE   2048
#define PAGE_LEAVES ((PAGE_SIZE - 2 * sizeof(void *)) / sizeof(struct leaf))

/* Two neighbours that together fill no more than this become one page. */
#define PAGE_LEAVES_JOINED (PAGE_LEAVES / 2)

struct page {
    struct page *next;
    size_t count; /* never 0 */
    struct leaf leaves[PAGE_LEAVES];
};

struct leaves {
    struct page **pages; /* in order */
    size_t page_count, page_capacity;
    size_t count;
    size_t boundary_bytes;
};

_Static_assert(sizeof(struct page) <= PAGE_SIZE, "a page fits its place");

/* ---------- boundaries ---------- */

static void set_boundary(struct leaves *leaves, struct leaf *leaf, struct bytes boundary)
{
    char *copy = xmalloc(boundary.size);

    if (boundary.size > 0)
        memcpy(copy, boundary.data, boundary.size);
    leaf->boundary = (struct bytes){copy, boundary.size};
    leaves->boundary_bytes += memory_size(copy);
}

static void free_boundary(struct leaves *leaves, struct leaf *leaf)
{
    char *copy = (char *)(uintptr_t)leaf->boundary.data;

    leaves->boundary_bytes -= memory_size(copy);
    free(copy);
}

/* ---------- pages ---------- */

static struct page *create_page(void)
{
    struct page *page = xaligned_alloc(PAGE_SIZE, PAGE_SIZE);

    page->next = NULL;
    page->count = 0;
    return page;
}

static struct page *page_of(const struct leaf *leaf)
{
    return (struct page *)((uintptr_t)leaf & ~(uintptr_t)(PAGE_SIZE - 1));
}

/* Puts a page into the directory, behind the one at `index`. */
static void add_page(struct leaves *leaves, size_t index, struct page *page)
{
    if (leaves->page_count == leaves->page_capacity) {
        leaves->page_capacity *= 2;
        leaves->pages = xrealloc(leaves->pages, leaves->page_capacity * sizeof *leaves->pages);
    }
    memmove(leaves->pages + index + 2, leaves->pages + index + 1,
            (leaves->page_count - index - 1) * sizeof *leaves->pages);
    leaves->pages[index + 1] = page;
    leaves->page_count++;
    page->next = leaves->pages[index]->next;
    leaves->pages[index]->next = page;
}

/* Takes the page at `index`, not the first one, out of the directory and frees it. */
static void drop_page(struct leaves *leaves, size_t index)
{
    struct page *page = leaves->pages[index];

    leaves->pages[index - 1]->next = page->next;
    memmove(leaves->pages + index, leaves->pages + index + 1,
            (leaves->page_count - index - 1) * sizeof *leaves->pages);
    leaves->page_count--;
    free(page);
}

/* Moves the upper half of a full page to a new one behind it. */
static void cut_page(struct leaves *leaves, size_t index)
{
    struct page *page = leaves->pages[index], *upper = create_page();
    size_t kept = page->count / 2;

    upper->count = page->count - kept;
    memcpy(upper->leaves, page->leaves + kept, upper->count * sizeof *upper->leaves);
    page->count = kept;
    add_page(leaves, index, upper);
}

/* Empties the page at index + 1 into the one at `index`, if they are small. */
static void join_pages(struct leaves *leaves, size_t index)
{
    struct page *page = leaves->pages[index], *upper;

    if (index + 1 >= leaves->page_count)
        return;
    upper = leaves->pages[index + 1];
    if (page->count + upper->count > PAGE_LEAVES_JOINED)
        return;
    memcpy(page->leaves + page->count, upper->leaves, upper->count * sizeof *upper->leaves);
    page->count += upper->count;
    drop_page(leaves, index + 1);
}

/* ---------- finding ---------- */

struct place {
    size_t page, leaf;
};

/* The last leaf that begins at or before the key. */
static struct place find(const struct leaves *leaves, struct bytes key)
{
    const struct page *page;
    struct place place;
    size_t end = leaves->page_count;

    for (place.page = 0; end - place.page > 1;) {
        size_t middle = place.page + (end - place.page) / 2;

        if (bytes_compare(leaves->pages[middle]->leaves[0].boundary, key) <= 0)
            place.page = middle;
        else
            end = middle;
    }
    page = leaves->pages[place.page];
    end = page->count;
    for (place.leaf = 0; end - place.leaf > 1;) {
        size_t middle = place.leaf + (end - place.leaf) / 2;

        if (bytes_compare(page->leaves[middle].boundary, key) <= 0)
            place.leaf = middle;
        else
            end = middle;
    }
    return place;
}

static struct leaf *leaf_at(struct leaves *leaves, struct place place)
{
    return &leaves->pages[place.page]->leaves[place.leaf];
}

struct leaf *leaves_find(struct leaves *leaves, struct bytes key)
{
    return leaf_at(leaves, find(leaves, key));
}

struct leaf *leaves_next(struct leaves *leaves, const struct leaf *leaf)
{
    struct page *page = page_of(leaf);
    size_t index = (size_t)(leaf - page->leaves) + 1;

    (void)leaves;
    if (index < page->count)
        return &page->leaves[index];
    return page->next != NULL ? &page->next->leaves[0] : NULL;
}

static bool is_first(struct place place)
{
    return place.page == 0 && place.leaf == 0;
}

static struct place place_before(const struct leaves *leaves, struct place place)
{
    if (place.leaf > 0)
        return (struct place){place.page, place.leaf - 1};
    return (struct place){place.page - 1, leaves->pages[place.page - 1]->count - 1};
}

struct leaf *leaves_previous(struct leaves *leaves, const struct leaf *leaf)
{
    struct place place = find(leaves, leaf->boundary);

    return is_first(place) ? NULL : leaf_at(leaves, place_before(leaves, place));
}

/* ---------- splitting and joining ---------- */

struct leaf *leaves_split(struct leaves *leaves, struct bytes boundary)
{
    struct place place = find(leaves, boundary);
    struct page *page;

    if (bytes_equal(leaf_at(leaves, place)->boundary, boundary))
        return leaf_at(leaves, place);
    if (leaves->pages[place.page]->count == PAGE_LEAVES) {
        cut_page(leaves, place.page);
        place = find(leaves, boundary);
    }
    page = leaves->pages[place.page];
    place.leaf++;
    memmove(page->leaves + place.leaf + 1, page->leaves + place.leaf,
            (page->count - place.leaf) * sizeof *page->leaves);
    page->count++;
    page->leaves[place.leaf] = (struct leaf){0};
    set_boundary(leaves, &page->leaves[place.leaf], boundary);
    leaves->count++;
    return &page->leaves[place.leaf];
}

static void remove_leaf(struct leaves *leaves, struct place place)
{
    struct page *page = leaves->pages[place.page];

    free_boundary(leaves, &page->leaves[place.leaf]);
    memmove(page->leaves + place.leaf, page->leaves + place.leaf + 1,
            (page->count - place.leaf - 1) * sizeof *page->leaves);
    page->count--;
    leaves->count--;
    if (page->count == 0)
        drop_page(leaves, place.page);
    else
        join_pages(leaves, place.page);
}

struct leaf *leaves_join(struct leaves *leaves, struct bytes boundary)
{
    struct place place = find(leaves, boundary), before;
    struct leaf *upper = leaf_at(leaves, place), *lower;

    if (!bytes_equal(upper->boundary, boundary) || is_first(place))
        return NULL;
    before = place_before(leaves, place);
    lower = leaf_at(leaves, before);
    digest_join(&lower->digest, &upper->digest);
    lower->is_marked |= upper->is_marked;
    lower->is_suspect |= upper->is_suspect;
    remove_leaf(leaves, place);
    return leaf_at(leaves, before); /* a page that was joined went to the end of its neighbour */
}

/* ---------- life ---------- */

struct leaves *leaves_create(void)
{
    struct leaves *leaves = xcalloc(1, sizeof *leaves);

    leaves->page_capacity = 1;
    leaves->pages = xcalloc(leaves->page_capacity, sizeof *leaves->pages);
    leaves->pages[0] = create_page();
    leaves->page_count = 1;
    leaves->pages[0]->leaves[0] = (struct leaf){0};
    set_boundary(leaves, &leaves->pages[0]->leaves[0], (struct bytes){"", 0});
    leaves->pages[0]->count = 1;
    leaves->count = 1;
    return leaves;
}

void leaves_destroy(struct leaves *leaves)
{
    if (leaves == NULL)
        return;
    for (size_t i = 0; i < leaves->page_count; i++) {
        struct page *page = leaves->pages[i];

        for (size_t j = 0; j < page->count; j++)
            free_boundary(leaves, &page->leaves[j]);
        free(page);
    }
    free(leaves->pages);
    free(leaves);
}

size_t leaves_count(const struct leaves *leaves)
{
    return leaves->count;
}

size_t leaves_bytes(const struct leaves *leaves)
{
    return sizeof *leaves + leaves->page_capacity * sizeof *leaves->pages +
           leaves->page_count * PAGE_SIZE + leaves->boundary_bytes;
}
