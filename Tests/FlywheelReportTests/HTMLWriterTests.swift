import FlywheelReport
import Testing

struct HTMLWriterTests {
  @Test("A name from a file cannot become an element")
  func escapes() {
    var writer = HTMLWriter()
    writer.write("<script>\"&\"</script>")
    #expect(writer.html == "&lt;script&gt;&quot;&amp;&quot;&lt;/script&gt;")
  }

  @Test("A name from a file cannot become an attribute")
  func escapesAttributes() {
    var writer = HTMLWriter()
    writer.leaf("p", [("title", "\" onclick=\"")], "x")
    #expect(writer.html == "<p title=\"&quot; onclick=&quot;\">x</p>\n")
  }

  @Test(
    "What HTML cannot have, or what turns the text around, is replaced",
    arguments: ["\u{0}", "\u{1B}", "\u{85}", "\u{FFFE}", "\u{202E}", "\u{2066}", "\u{200F}"]
  )
  func replaces(text: String) {
    var writer = HTMLWriter()
    writer.write("a\(text)b")
    #expect(writer.html == "a\u{FFFD}b")
  }

  @Test("Elements are closed in the order in which they were opened")
  func nests() {
    var writer = HTMLWriter()
    writer.element("ul") { writer in
      writer.leaf("li", [], "a")
      writer.element("li", [("class", "x")]) { $0.void("br") }
    }
    #expect(writer.html == "<ul>\n<li>a</li>\n<li class=\"x\">\n<br>\n</li>\n</ul>\n")
  }
}
