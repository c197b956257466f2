import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/** Prints an Avro record as JSON, as Apache Avro reads it: java -cp 'lib/*' Decode.java SCHEMA DATA. */
public class Decode {
  public static void main(String[] args) throws Exception {
    var schema = new Schema.Parser().parse(new File(args[0]));
    var bytes = Files.readAllBytes(Path.of(args[1]));
    var decoder = DecoderFactory.get().binaryDecoder(bytes, null);
    var reader = new GenericDatumReader<GenericRecord>(schema);
    var out = new java.io.PrintStream(System.out, true, "UTF-8");
    out.println(reader.read(null, decoder));
  }
}
