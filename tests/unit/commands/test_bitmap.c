/* Every answer is compared with one that is found bit by bit. */
#include "commands/bitmap.h"

#include "base/random.h"
#include "unit/test.h"

#define SIZE_MAX_TRIED 600

static bool bit_of(struct bytes value, uint64_t at)
{
    return at / 8 < value.size && (((unsigned char)value.data[at / 8] >> (7 - at % 8)) & 1) != 0;
}

/* Random bytes, or long runs of the same bit. */
static struct bytes random_value(struct random *random, char data[SIZE_MAX_TRIED])
{
    size_t size = 1 + random_below(random, SIZE_MAX_TRIED - 1);

    memset(data, random_below(random, 2) == 0 ? 0 : 0xff, SIZE_MAX_TRIED);
    if (random_below(random, 2) == 0)
        for (size_t i = 0; i < size; i++)
            data[i] = (char)random_below(random, 256);
    data[random_below(random, size)] = (char)random_below(random, 256);
    return (struct bytes){data, size};
}

static void ranges_are_counted_exactly(void **state)
{
    struct random random = {.state = 1};
    char data[SIZE_MAX_TRIED];

    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct bytes value = random_value(&random, data);
        uint64_t first = random_below(&random, value.size * 8);
        uint64_t last = first + random_below(&random, value.size * 8 - first);
        uint64_t expected = 0;

        for (uint64_t i = first; i <= last; i++)
            expected += bit_of(value, i);
        assert_int_equal(bitmap_count(value, first, last), expected);
    }
}

static void the_first_bit_is_found(void **state)
{
    struct random random = {.state = 2};
    char data[SIZE_MAX_TRIED];

    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct bytes value = random_value(&random, data);
        bool bit = random_below(&random, 2) == 1;
        uint64_t first = random_below(&random, value.size * 8);
        uint64_t last = first + random_below(&random, value.size * 8 - first);
        uint64_t expected = first, found = UINT64_MAX;

        while (expected <= last && bit_of(value, expected) != bit)
            expected++;
        assert_int_equal(bitmap_find(value, bit, first, last, &found), expected <= last);
        assert_int_equal(found, expected <= last ? expected : UINT64_MAX);
    }
}

static bool combine_bits(enum bitmap_operation operation, bool a, bool b)
{
    const bool results[] = {
        [BITMAP_AND] = a && b, [BITMAP_OR] = a || b, [BITMAP_XOR] = a != b, [BITMAP_NOT] = !b};

    return results[operation];
}

static void shorter_values_are_combined_as_if_zeros_followed(void **state)
{
    struct random random = {.state = 3};
    char before[SIZE_MAX_TRIED], after[SIZE_MAX_TRIED], other[SIZE_MAX_TRIED];

    (void)state;
    for (int round = 0; round < 1000; round++) {
        enum bitmap_operation operation = (enum bitmap_operation)random_below(&random, 4);
        struct bytes value = random_value(&random, before);
        struct bytes source = random_value(&random, other);

        source.size = source.size < value.size ? source.size : value.size;
        memcpy(after, before, value.size);
        bitmap_combine(operation, after, value.size, source);
        for (uint64_t i = 0; i < value.size * 8; i++)
            assert_int_equal(bit_of((struct bytes){after, value.size}, i),
                             combine_bits(operation, bit_of(value, i), bit_of(source, i)));
    }
}

static struct bitmap_field random_field(struct random *random, uint64_t bits_max)
{
    struct bitmap_field field = {.is_signed = random_below(random, 2) == 1};

    field.bits = 1 + (unsigned)random_below(random, field.is_signed ? 64 : 63);
    field.offset = random_below(random, bits_max);
    return field;
}

static int64_t read_bit_by_bit(struct bytes value, struct bitmap_field field)
{
    uint64_t word = field.is_signed && bit_of(value, field.offset) ? UINT64_MAX : 0;

    for (unsigned i = 0; i < field.bits; i++)
        word = word << 1 | bit_of(value, field.offset + i);
    return (int64_t)word;
}

static void fields_are_read_also_behind_the_end(void **state)
{
    struct random random = {.state = 4};
    char data[SIZE_MAX_TRIED];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct bytes value = random_value(&random, data);
        struct bitmap_field field;

        value.size = value.size % 24; /* mostly at an end */
        field = random_field(&random, 30 * 8);
        assert_int_equal(bitmap_field_get(value, field), read_bit_by_bit(value, field));
    }
}

static void a_field_is_stored_and_nothing_beside_it(void **state)
{
    struct random random = {.state = 5};
    char before[SIZE_MAX_TRIED], after[SIZE_MAX_TRIED];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct bytes value = random_value(&random, before);
        struct bitmap_field field = random_field(&random, 160);
        int64_t number = (int64_t)random_next(&random);
        size_t size = bitmap_field_end(field) / 8 + 1 + random_below(&random, 12);

        memcpy(after, value.data, size);
        bitmap_field_set(after, size, field, number);
        for (uint64_t i = 0; i < size * 8; i++) {
            if (i < field.offset || i > bitmap_field_end(field))
                assert_int_equal(bit_of((struct bytes){after, size}, i),
                                 bit_of((struct bytes){before, size}, i));
        }
        if (field.bits < 64)
            number = (int64_t)((uint64_t)number << (64 - field.bits)) >> (64 - field.bits);
        field.is_signed = true;
        assert_int_equal(bitmap_field_get((struct bytes){after, size}, field), number);
    }
}

static void assert_sum(bool is_signed, unsigned bits, enum bitmap_overflow overflow, int64_t number,
                       int64_t delta, int64_t expected)
{
    struct bitmap_field field = {.bits = bits, .is_signed = is_signed};
    int64_t sum = 0;

    assert_true(bitmap_field_add(field, overflow, number, delta, &sum));
    assert_int_equal(sum, expected);
}

static void what_does_not_fit_wraps(void **state)
{
    (void)state;
    assert_sum(false, 8, BITMAP_WRAP, 255, 1, 0);
    assert_sum(false, 8, BITMAP_WRAP, 0, -1, 255);
    assert_sum(true, 8, BITMAP_WRAP, 127, 1, -128);
    assert_sum(true, 8, BITMAP_WRAP, -128, -1, 127);
    assert_sum(true, 64, BITMAP_WRAP, INT64_MAX, 1, INT64_MIN);
    assert_sum(true, 64, BITMAP_WRAP, INT64_MIN, -1, INT64_MAX);
    assert_sum(false, 63, BITMAP_WRAP, INT64_MAX, INT64_MAX, INT64_MAX - 1);
    assert_sum(true, 1, BITMAP_WRAP, 0, 1, -1);
    assert_sum(false, 1, BITMAP_WRAP, 1, 1, 0);
}

static void what_does_not_fit_stops_at_an_end(void **state)
{
    (void)state;
    assert_sum(false, 8, BITMAP_SATURATE, 250, 10, 255);
    assert_sum(false, 8, BITMAP_SATURATE, 5, -10, 0);
    assert_sum(true, 8, BITMAP_SATURATE, 100, 100, 127);
    assert_sum(true, 8, BITMAP_SATURATE, -100, -100, -128);
    assert_sum(true, 64, BITMAP_SATURATE, INT64_MAX, 1, INT64_MAX);
    assert_sum(true, 64, BITMAP_SATURATE, INT64_MIN, -1, INT64_MIN);
    assert_sum(false, 63, BITMAP_SATURATE, INT64_MAX, INT64_MAX, INT64_MAX);
    assert_sum(true, 1, BITMAP_SATURATE, 0, 1, 0);
}

/* Redis, by an overflow of its own, stores the largest number here. */
static void the_smallest_of_all_numbers_stops_at_the_lower_end(void **state)
{
    (void)state;
    assert_sum(true, 8, BITMAP_SATURATE, INT64_MIN, 0, -128);
}

static void a_negative_number_is_too_large_for_an_unsigned_field(void **state)
{
    (void)state;
    assert_sum(false, 8, BITMAP_SATURATE, -1, 0, 255);
    assert_sum(false, 8, BITMAP_WRAP, -2, 0, 254);
}

static void what_does_not_fit_can_be_refused(void **state)
{
    struct bitmap_field field = {.bits = 8, .is_signed = true};
    int64_t sum = 7;

    (void)state;
    assert_false(bitmap_field_add(field, BITMAP_FAIL, 127, 1, &sum));
    assert_false(bitmap_field_add(field, BITMAP_FAIL, -128, -1, &sum));
    assert_false(bitmap_field_add(field, BITMAP_FAIL, 128, 0, &sum));
    assert_int_equal(sum, 7);
    assert_true(bitmap_field_add(field, BITMAP_FAIL, 126, 1, &sum));
    assert_int_equal(sum, 127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_counted_exactly),
        cmocka_unit_test(the_first_bit_is_found),
        cmocka_unit_test(shorter_values_are_combined_as_if_zeros_followed),
        cmocka_unit_test(fields_are_read_also_behind_the_end),
        cmocka_unit_test(a_field_is_stored_and_nothing_beside_it),
        cmocka_unit_test(what_does_not_fit_wraps),
        cmocka_unit_test(what_does_not_fit_stops_at_an_end),
        cmocka_unit_test(the_smallest_of_all_numbers_stops_at_the_lower_end),
        cmocka_unit_test(a_negative_number_is_too_large_for_an_unsigned_field),
        cmocka_unit_test(what_does_not_fit_can_be_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
