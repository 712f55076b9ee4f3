#include "unit/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1 /* their allocator counts nothing and dies in its own way */
#else
#define IS_SANITIZED 0
#endif

static void nothing_is_something_too(void **state)
{
    void *pointer = xmalloc(0);

    (void)state;
    assert_non_null(pointer);
    pointer = xrealloc(pointer, 0);
    assert_non_null(pointer);
    free(pointer);
    pointer = xcalloc(0, 8);
    assert_non_null(pointer);
    free(pointer);
}

static void calloc_gives_zeros(void **state)
{
    unsigned char *bytes = xcalloc(100, 7);

    (void)state;
    for (int i = 0; i < 700; i++)
        assert_int_equal(bytes[i], 0);
    free(bytes);
}

/* But for what is large enough to have pages of its own. */
static void an_allocation_costs_what_the_allocator_rounds_it_up_to(void **state)
{
    (void)state;
    if (IS_SANITIZED)
        skip();
    for (size_t size = MEMORY_STEP_MIN; size < 300000; size += 1 + size / 100) {
        void *pointer = xmalloc(size);

        if (size <= MEMORY_SLAB_MAX)
            assert_int_equal(memory_cost(size), memory_size(pointer));
        else
            assert_int_equal(memory_cost(size), memory_size(pointer) + MEMORY_PAGE);
        free(pointer);
    }
}

static void realloc_keeps_what_was_there(void **state)
{
    char *text = xstrdup("kept");

    (void)state;
    text = xrealloc(text, 100000);
    assert_string_equal(text, "kept");
    free(text);
}

static void aligned_memory_is_aligned(void **state)
{
    (void)state;
    for (size_t size = 1; size < 300; size += 37) {
        void *pointer = xaligned_alloc(64, size);

        assert_int_equal((uintptr_t)pointer % 64, 0);
        free(pointer);
    }
}

static void the_allocator_sets_aside_at_least_what_was_asked(void **state)
{
    void *pointer = xmalloc(1000);

    (void)state;
    assert_in_range(memory_size(pointer), 1000, 4096);
    free(pointer);
}

static void the_process_knows_what_it_uses(void **state)
{
    const size_t size = 64 * 1024 * 1024;
    size_t before = memory_used();
    void *pointer;

    (void)state;
    pointer = xmalloc(size);
    assert_in_range(memory_used() - before, size, size + size / 8);
    free(pointer);
    assert_true(memory_used() < before + size / 8);
}

static void the_allocator_has_a_name(void **state)
{
    const char *name = memory_allocator();

    (void)state;
    assert_true(strcmp(name, "libc") == 0 || strncmp(name, "jemalloc-", 9) == 0);
    assert_ptr_equal(memory_allocator(), name);
}

/* What a process that asks for more memory than there is says on standard error; returns its
 * status. */
static int run_out_of_memory(char *said, size_t size)
{
    int ends[2], status = 0;
    ssize_t got;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        free(xmalloc(SIZE_MAX / 2));
        _exit(0);
    }
    (void)close(ends[1]);
    got = read(ends[0], said, size - 1);
    said[got > 0 ? got : 0] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void out_of_memory_ends_the_process_with_one_line(void **state)
{
    char said[200];
    int status;

    (void)state;
    if (IS_SANITIZED)
        return;
    status = run_out_of_memory(said, sizeof said);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(said, "Out of memory allocating 9223372036854775807 bytes.\n");
}

static void a_copy_of_bytes_is_its_own_and_ends_in_a_zero(void **state)
{
    char text[] = "a\0b";
    struct bytes copy = xbytes_copy((struct bytes){text, 3}), nothing = xbytes_copy(bytes_of(""));

    (void)state;
    text[0] = 'x';
    assert_int_equal(copy.size, 3);
    assert_memory_equal(copy.data, "a\0b", 4);
    assert_string_equal(nothing.data, "");
    xbytes_free(copy);
    xbytes_free(nothing);
    xbytes_free((struct bytes){NULL, 0});
}

static void an_array_grows_to_twice_its_size_and_keeps_what_it_has(void **state)
{
    size_t *numbers = NULL, count = 0, capacity = 0;

    (void)state;
    while (count < 1000) {
        size_t before = capacity;

        numbers = xgrow(numbers, count, &capacity, sizeof *numbers);
        assert_true(capacity > count);
        assert_true(capacity == before || before == 0 || capacity == 2 * before);
        numbers[count] = count;
        count++;
    }
    while (count-- > 0)
        assert_int_equal(numbers[count], count);
    free(numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_grows_to_twice_its_size_and_keeps_what_it_has),
        cmocka_unit_test(nothing_is_something_too),
        cmocka_unit_test(calloc_gives_zeros),
        cmocka_unit_test(an_allocation_costs_what_the_allocator_rounds_it_up_to),
        cmocka_unit_test(realloc_keeps_what_was_there),
        cmocka_unit_test(aligned_memory_is_aligned),
        cmocka_unit_test(the_allocator_sets_aside_at_least_what_was_asked),
        cmocka_unit_test(the_process_knows_what_it_uses),
        cmocka_unit_test(the_allocator_has_a_name),
        cmocka_unit_test(out_of_memory_ends_the_process_with_one_line),
        cmocka_unit_test(a_copy_of_bytes_is_its_own_and_ends_in_a_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
