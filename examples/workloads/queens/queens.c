/* How many ways are there to place N queens on a board so that none attacks another?
 *
 * `queens [N]` (8 unless told otherwise) prints the number and writes the first placement to /out/board.txt. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 16

static int size;
static int first[MOST];
static int row_of[MOST];

/* Places queens from this column on; `rows`, `up` and `down` are attacked. */
static uint64_t place(int column, uint32_t rows, uint32_t up, uint32_t down)
{
    uint64_t found = 0;
    uint32_t open = ~(rows | up | down) & ((1u << size) - 1);

    if (column == size) {
        if (first[0] < 0)
            memcpy(first, row_of, sizeof first);
        return 1;
    }
    while (open) {
        uint32_t here = open & -open;

        open ^= here;
        row_of[column] = __builtin_ctz(here);
        found += place(column + 1, rows | here, (up | here) << 1, (down | here) >> 1);
    }
    return found;
}

static int draw(const char *path)
{
    FILE *file = fopen(path, "w");

    if (!file)
        return -1;
    for (int row = 0; row < size; row++) {
        for (int column = 0; column < size; column++)
            fputc(first[column] == row ? 'Q' : '.', file);
        fputc('\n', file);
    }
    return fclose(file);
}

int main(int count, char **args)
{
    uint64_t found;

    size = count > 1 ? atoi(args[1]) : 8;
    if (size < 1 || size > MOST) {
        fprintf(stderr, "queens: give a number from 1 to %d\n", MOST);
        return 1;
    }
    first[0] = -1;
    found = place(0, 0, 0, 0);
    printf("%llu ways to place %d queens\n", (unsigned long long)found, size);
    if (found && draw("/out/board.txt")) {
        perror("queens: /out/board.txt");
        return 1;
    }
    return 0;
}
