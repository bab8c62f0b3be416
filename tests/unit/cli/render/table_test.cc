#include "cli/render/table.h"

#include <gtest/gtest.h>

namespace gantry::cli {
namespace {

TEST(Table, PadsAllButTheLastCell) {
  Table table(3);
  table.row({"NAME", "STATUS", "MESSAGE"});
  table.row({"a-long-name", "ok", ""});
  EXPECT_EQ(table.text(),
            "NAME          STATUS   MESSAGE\n"
            "a-long-name   ok       \n");
}

TEST(Table, AColumnEndsWhereALineHasNoSuchCell) {
  Table table(1);
  table.row({"wide-cell", "x"});
  table.row({"alone"});
  table.row({"a", "y"});
  EXPECT_EQ(table.text(), "wide-cell x\nalone\na y\n");
}

TEST(Table, EmptyColumnsTakeTheirPadding) {
  Table table(2);
  table.row({"", "", "x"});
  EXPECT_EQ(table.text(), "    x\n");
}

TEST(Table, CountsCharactersAndNotColours) {
  Table table(2);
  table.row({"\x1b[32m✔\x1b[0m é", "x"});
  table.row({"abcd", "y"});
  EXPECT_EQ(table.text(), "\x1b[32m✔\x1b[0m é   x\nabcd  y\n");
}

}  // namespace
}  // namespace gantry::cli
