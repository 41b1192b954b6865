import FlywheelReport
import Testing

struct HTMLWriterTests {
  @Test("A name from a file cannot become an element")
  func escapes() {
    var writer = HTMLWriter()
    writer.write("<script>\"&\"</script>")
    #expect(writer.html == "&lt;script&gt;&quot;&amp;&quot;&lt;/script&gt;")
  }
}
