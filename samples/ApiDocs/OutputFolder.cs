namespace ApiDocs;

/// <summary>What stands where in the folder that an ingest writes to.</summary>
internal static class OutputFolder
{
    public static string Index(string folder) => Path.Combine(folder, "index.jsonl");

    public static string Failures(string folder) => Path.Combine(folder, "failures");
}
