namespace PipelineOps.CrashChild;

/// <summary>Holds a store's folder until its input ends, or it is killed.</summary>
internal static class Holding
{
    public static int Run(string folder)
    {
        using var store = FileFailureStore.Open(folder);
        Console.WriteLine("holding");
        Console.ReadLine();
        return 0;
    }
}
